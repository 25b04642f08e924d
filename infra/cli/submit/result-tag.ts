/** The message attribute that finds its way back with the result. Ids are the producers' and need not be unique. */
export const tagAttribute = 'submission';

export interface ResultTag {
  readonly submission: string;
  readonly key: string;
}

export function writeTag({ submission, key }: ResultTag): string {
  return `${submission}/${key}`;
}

/** Undefined for a result of something that was not submitted here. */
export function readTag(attributes: Readonly<Record<string, string | undefined>>): ResultTag | undefined {
  const [, submission, key] = /^([^/]+)\/([^/]+)$/.exec(attributes[tagAttribute] ?? '') ?? [];
  return submission === undefined || key === undefined ? undefined : { submission, key };
}
