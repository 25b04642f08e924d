import { DatabaseSync } from 'node:sqlite';
import type { MonotonicClock } from '../../../../shared/runtime/clock.ts';

const layout = `
  CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, config TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, config TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, waiting INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    publish_time_ms INTEGER NOT NULL, attributes TEXT NOT NULL, data BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subscription INTEGER NOT NULL, message INTEGER NOT NULL,
    available_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS due ON deliveries (subscription, available_at_ms, id);
  CREATE INDEX IF NOT EXISTS due_again ON deliveries (subscription, available_at_ms, id) WHERE attempts > 0;
  CREATE TABLE IF NOT EXISTS signing_keys (kid TEXT PRIMARY KEY, private_key TEXT NOT NULL, certificate TEXT NOT NULL);
`;
/** The longest that a write waits for others to share its commit: one sync to disk for all of them. */
const groupMs = 5;

/**
 * The one SQLite database, and group commit on it: writes join a transaction that ends within 5 ms.
 * Reads see the open transaction. With a file, what is committed outlives `kill -9` and a loss of power.
 * A write or commit that SQLite refuses (a full disk) throws out of a timer on purpose: without its store the server must end.
 */
export class Database {
  readonly sqlite: DatabaseSync;
  readonly #clock: Pick<MonotonicClock, 'after'>;
  #group: { readonly committed: PromiseWithResolvers<void>; readonly cancel: () => void } | undefined;

  /** @throws when the file is no database or another process has it open. */
  constructor(file: string | undefined, clock: Pick<MonotonicClock, 'after'>) {
    this.#clock = clock;
    this.sqlite = new DatabaseSync(file ?? ':memory:');
    this.sqlite.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    this.sqlite.exec(layout);
  }

  /** To be called before any change. */
  joinGroup(): void {
    if (this.#group) return;
    this.sqlite.exec('BEGIN');
    const cancel = this.#clock.after(groupMs, () => this.commit());
    this.#group = { committed: Promise.withResolvers<void>(), cancel };
  }

  /** Resolves once every change so far is committed. */
  committed(): Promise<void> {
    return this.#group?.committed.promise ?? Promise.resolve();
  }

  commit(): void {
    const group = this.#group;
    if (!group) return;
    this.#group = undefined;
    group.cancel();
    this.sqlite.exec('COMMIT');
    group.committed.resolve();
  }

  close(): void {
    this.commit();
    this.sqlite.close();
  }
}
