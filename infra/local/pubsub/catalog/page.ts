import { invalid } from '../api/refusal.ts';

/** Which page of a list is asked for. */
export interface PageRequest {
  readonly pageSize?: number;
  readonly pageToken?: string;
}

const largestPage = 1000;

/** One page of `names`, which are sorted; its token is the last name on it. */
export function page(names: readonly string[], { pageSize = 0, pageToken = '' }: PageRequest) {
  if (pageSize < 0) throw invalid('page_size must not be negative.');
  const rest = names.filter((name) => name > pageToken);
  const shown = rest.slice(0, Math.min(pageSize || largestPage, largestPage));
  const last = shown.at(-1);
  return { names: shown, nextPageToken: last !== undefined && shown.length < rest.length ? last : undefined };
}
