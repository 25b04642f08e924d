import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** A line that Pub/Sub has confirmed. */
export interface PublishedLine {
  /** Pub/Sub's id, which the result names as `first_message_id`. */
  readonly messageId: string;
  readonly line: number;
  readonly hash: string;
}

/** What earlier runs of a submission did. */
export interface JournalState {
  readonly job: string;
  readonly published: readonly PublishedLine[];
  /** Line → why its request failed; null when it succeeded. */
  readonly answered: ReadonlyMap<number, string | null>;
  /** How much of the result file counts; the rest was being written when a run ended. */
  readonly resultBytes: number;
}

const layout = `
  CREATE TABLE IF NOT EXISTS submission (job TEXT NOT NULL, file TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS published (message TEXT PRIMARY KEY, line INTEGER NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS answered (line INTEGER PRIMARY KEY, reason TEXT, result_bytes INTEGER NOT NULL);
`;
const [sqliteBusy, sqliteNotADatabase] = [5, 26];

/**
 * What a submission has done so far, in a SQLite file beside its results. What is recorded outlives `kill -9` of this process.
 * The file is locked while it is open, and the lock ends with its process: two runs never write the same results.
 */
export class Journal {
  readonly #sqlite: DatabaseSync;
  readonly #insertPublished: StatementSync;
  readonly #insertAnswered: StatementSync;

  /** @throws {Error} when another run has it open, or the file is something else. */
  constructor(path: string) {
    this.#sqlite = new DatabaseSync(path);
    try {
      this.#sqlite.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      this.#sqlite.exec(layout);
    } catch (error) {
      this.#sqlite.close();
      throw openFault(path, error as Error & { errcode?: number });
    }
    this.#insertPublished = this.#sqlite.prepare('INSERT OR IGNORE INTO published VALUES (?, ?, ?)');
    this.#insertAnswered = this.#sqlite.prepare('INSERT INTO answered VALUES (?, ?, ?)');
  }

  /** The file that was submitted, as `begin` was told; undefined before, and while nothing of it was published. */
  get file(): string | undefined {
    const row = this.#sqlite.prepare('SELECT file FROM submission WHERE EXISTS (SELECT * FROM published)').get();
    return row?.file as string | undefined;
  }

  /** Names the submission. One of which nothing was published is forgotten. */
  begin(job: string, file: string): void {
    this.#sqlite.exec('DELETE FROM submission');
    this.#sqlite.prepare('INSERT INTO submission VALUES (?, ?)').run(job, file);
  }

  /** Undefined while nothing was published. */
  get state(): JournalState | undefined {
    if (this.file === undefined) return undefined;
    const { job } = this.#sqlite.prepare('SELECT job FROM submission').get() as { job: string };
    const published = this.#sqlite.prepare('SELECT message AS messageId, line, hash FROM published').all();
    const answered = this.#sqlite.prepare('SELECT line, reason, result_bytes FROM answered').all() as unknown as {
      readonly line: number;
      readonly reason: string | null;
      readonly result_bytes: number;
    }[];
    return {
      job,
      published: published as unknown as PublishedLine[],
      answered: new Map(answered.map(({ line, reason }) => [line, reason])),
      resultBytes: answered.reduce((most, row) => Math.max(most, row.result_bytes), 0),
    };
  }

  recordPublished({ messageId, line, hash }: PublishedLine): void {
    this.#insertPublished.run(messageId, line, hash);
  }

  /** @param resultBytes how long the result file is with this result in it */
  recordAnswered(line: number, reason: string | null, resultBytes: number): void {
    this.#insertAnswered.run(line, reason, resultBytes);
  }

  close(): void {
    this.#sqlite.close();
  }
}

function openFault(path: string, error: Error & { errcode?: number }): Error {
  if (error.errcode === sqliteBusy) return new Error(`another run has ${path} open, and writes these results`);
  if (error.errcode === sqliteNotADatabase)
    return new Error(`${path} is there already, and is no journal of a submission`);
  return new Error(`${path}: ${error.message}`);
}
