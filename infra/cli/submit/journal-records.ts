/** One line of a journal: whose it is, then what has happened. */
export type JournalRecord =
  | { readonly submission: string }
  | { readonly published: string }
  /** `bytes` is how long the result file is with this result in it. */
  | { readonly answered: string; readonly failed: boolean; readonly bytes: number };

export interface JournalState {
  readonly submission: string;
  readonly published: ReadonlySet<string>;
  /** Whether the request failed. */
  readonly answered: ReadonlyMap<string, boolean>;
  /** How much of the result file counts; the rest was being written when the process ended. */
  readonly resultBytes: number;
  /** How much of the journal counts, likewise. */
  readonly journalBytes: number;
}

/**
 * Reads what an earlier run left. A last line without its end is dropped: what it tells is done again.
 * @returns undefined for a journal that was never begun
 * @throws {Error} for a file that is no journal
 */
export function readJournal(text: string): JournalState | undefined {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole === '') return undefined;
  const [first, ...rest] = whole.trimEnd().split('\n').map(readRecord);
  if (!first || !('submission' in first)) throw new Error('the journal does not say whose it is');
  const published = new Set<string>();
  const answered = new Map<string, boolean>();
  let resultBytes = 0;
  for (const record of rest) {
    if ('published' in record) published.add(record.published);
    if ('answered' in record) {
      answered.set(record.answered, record.failed);
      resultBytes = record.bytes;
    }
  }
  return { submission: first.submission, published, answered, resultBytes, journalBytes: whole.length };
}

function readRecord(line: string): JournalRecord {
  try {
    return JSON.parse(line) as JournalRecord;
  } catch {
    throw new Error(`the journal has a line that is no JSON: ${line.slice(0, 80)}`);
  }
}
