import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { CheckedLine } from './check-lines.ts';
import { Journal, type JournalState, type PublishedLine } from './journal.ts';

/** Where the journal of a result file lies: beside it. */
export function journalPath(out: string): string {
  return `${out}.journal`;
}

/**
 * The results of one submission and its journal, written in an order that a kill between any two writes leaves a state to go on from:
 * a result counts once the journal tells how long the file is with it.
 */
export class ResultFile {
  readonly job: string;
  /** What earlier runs did; undefined for a first run. */
  readonly earlier: JournalState | undefined;
  readonly #out: string;
  readonly #journal: Journal;
  readonly #results: number;
  /** Whether the result file was there before this run. */
  readonly #wasThere: boolean;
  #resultBytes: number;
  #used: boolean;

  /**
   * @param job the submission's name, if this is its first run
   * @throws {Error} when another run writes these results, when they are of another file or of other lines, or are no results at all
   */
  constructor(out: string, file: string, lines: ReadonlyMap<number, CheckedLine>, job: string) {
    this.#wasThere = existsSync(out);
    const size = this.#wasThere ? statSync(out).size : 0;
    if (size > 0 && !existsSync(journalPath(out))) {
      throw new Error(`${out} is there already, and no submission wrote it: choose another --out`);
    }
    this.#out = out;
    this.#journal = new Journal(journalPath(out));
    try {
      // Relative, so that a folder with both may move.
      const name = relative(dirname(resolve(out)), resolve(file));
      requireSameFile(this.#journal.file, name, out);
      this.earlier = this.#journal.state;
      if (!this.earlier && size > 0) {
        throw new Error(`${out} is there already, and its journal knows nothing of it: choose another --out`);
      }
      requireSameLines(this.earlier, lines, file);
      this.job = this.earlier?.job ?? job;
      if (!this.earlier) this.#journal.begin(this.job, name);
      this.#resultBytes = this.earlier?.resultBytes ?? 0;
      this.#results = openSync(out, 'a');
      if (fstatSync(this.#results).size < this.#resultBytes) {
        throw new Error(`${out} is shorter than its journal says: remove ${journalPath(out)} to begin again`);
      }
      ftruncateSync(this.#results, this.#resultBytes);
      this.#used = this.earlier !== undefined;
    } catch (error) {
      this.#journal.close();
      throw error;
    }
  }

  recordPublished(published: PublishedLine): void {
    this.#used = true;
    this.#journal.recordPublished(published);
  }

  /**
   * @param result one line of text without its end
   * @param reason why the request failed; null when it succeeded
   */
  writeResult(line: number, result: string, reason: string | null): void {
    this.#resultBytes += writeSync(this.#results, `${result}\n`);
    this.#journal.recordAnswered(line, reason, this.#resultBytes);
  }

  /** Without anything published, nothing is left behind. */
  close(): void {
    closeSync(this.#results);
    this.#journal.close();
    if (this.#used) return;
    if (!this.#wasThere) rmSync(this.#out);
    rmSync(journalPath(this.#out));
  }
}

function requireSameFile(known: string | undefined, name: string, out: string): void {
  if (known === undefined || known === name) return;
  throw new Error(`${out} holds the results of ${known}: choose another --out`);
}

/** A file may have grown since; a line that was published must be as it was, or its result would be told as that of another. */
function requireSameLines(
  earlier: JournalState | undefined,
  lines: ReadonlyMap<number, CheckedLine>,
  file: string,
): void {
  const changed = earlier?.published.find(({ line, hash }) => lines.get(line)?.hash !== hash);
  if (!changed) return;
  throw new Error(
    `line ${changed.line} of ${file} is not what was published before: undo the change, or choose another --out to begin again`,
  );
}
