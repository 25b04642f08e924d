import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { type JournalRecord, type JournalState, readJournal } from './journal-records.ts';

/** `results.jsonl` has its journal in `results.journal.jsonl`. */
export function journalPath(out: string): string {
  return `${out.replace(/\.jsonl$/, '')}.journal.jsonl`;
}

/**
 * What an earlier run left beside `out`; undefined for a first run.
 * @throws {Error} when the two files do not belong together
 */
export function readEarlierRun(out: string): JournalState | undefined {
  const journal = journalPath(out);
  const earlier = existsSync(journal) ? readJournal(readFileSync(journal, 'utf8')) : undefined;
  if (!earlier && existsSync(out)) {
    throw new Error(`${out} is there already, and no submission of this file wrote it: choose another --out`);
  }
  return earlier;
}

/**
 * The result file and its journal. Each call is on its way to the disk when it returns, in an order that a kill between any two writes
 * leaves a state to go on from: a result counts once the journal tells how long the file is with it.
 */
export class ResultFile {
  readonly #out: string;
  readonly #results: number;
  readonly #journal: number;
  #resultBytes: number;

  /** @throws {Error} when results that the journal knows are gone. */
  constructor(out: string, submission: string, earlier: JournalState | undefined) {
    this.#out = out;
    this.#results = openSync(out, 'a');
    this.#journal = openSync(journalPath(out), 'a');
    this.#resultBytes = earlier?.resultBytes ?? 0;
    if (fstatSync(this.#results).size < this.#resultBytes) {
      throw new Error(`${out} is shorter than its journal says: remove ${journalPath(out)} to begin again`);
    }
    ftruncateSync(this.#results, this.#resultBytes);
    ftruncateSync(this.#journal, earlier?.journalBytes ?? 0);
    if (!earlier) this.#record({ submission });
  }

  recordPublished(key: string): void {
    this.#record({ published: key });
  }

  /** @param result JSON text, which takes one line here. */
  writeResult(key: string, failed: boolean, result: string): void {
    this.#resultBytes += writeSync(this.#results, oneLine(result));
    this.#record({ answered: key, failed, bytes: this.#resultBytes });
  }

  /** Keeps a result of another submission on the same subscription. */
  writeOther(result: string): void {
    appendFileSync(`${this.#out.replace(/\.jsonl$/, '')}.others.jsonl`, oneLine(result));
  }

  close(): void {
    closeSync(this.#results);
    closeSync(this.#journal);
  }

  #record(record: JournalRecord): void {
    writeSync(this.#journal, `${JSON.stringify(record)}\n`);
  }
}

/** JSON keeps its meaning without the line ends between its tokens; inside a string there are none. */
function oneLine(json: string): string {
  return `${json.replaceAll(/[\r\n]+/g, ' ')}\n`;
}
