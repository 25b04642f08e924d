import { InvalidArgument, type Series } from '../series/time-series.ts';

/** Where an answer goes on, and the instant whose points it shows: points that appear later do not shift it. */
export interface PageStart {
  readonly offset: number;
  readonly asOfMs: number;
}

/** One page of a list. */
export interface Page {
  readonly series: readonly Series[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** As many as Google returns at most. */
const largestPage = 100_000;

/** Counts points, or series where only their headers are wanted. */
export function cutPage(series: readonly Series[], unit: 'points' | 'series', size: number, start: PageStart): Page {
  const length = size > 0 ? Math.min(size, largestPage) : largestPage;
  const end = start.offset + length;
  const cut: Series[] = [];
  let at = 0;
  for (const { identity, points } of series) {
    const weight = unit === 'points' ? points.length : 1;
    const [from, to] = [Math.max(0, start.offset - at), Math.min(weight, end - at)];
    if (from < to) cut.push({ identity, points: unit === 'points' ? points.slice(from, to) : [] });
    at += weight;
  }
  return { series: cut, nextPageToken: end < at ? `${start.asOfMs}.${end}` : '' };
}

/** @throws {InvalidArgument} for a token that no page gave. */
export function readPageToken(token: string): PageStart | undefined {
  if (token === '') return undefined;
  const [, asOfMs, offset] = /^(\d{1,15})\.(\d{1,15})$/.exec(token) ?? [];
  if (asOfMs === undefined) throw new InvalidArgument('pageToken is not one that a former page gave');
  return { asOfMs: Number(asOfMs), offset: Number(offset) };
}
