import type { StatementSync } from 'node:sqlite';
import type { MonotonicMs, UnixMs } from '../../../../shared/runtime/clock.ts';
import type { Database } from './database.ts';
import { type Delivery, type Message, type NewMessage, sizeBytes } from './message.ts';

/** A delivery to be made: its subscription, and the instant from which on it may be made. */
export interface Due {
  readonly subscriptionId: number;
  readonly availableAtMs: MonotonicMs;
}

/** Derived: nacks are a tenth of all deliveries or less where a subscriber is full, so that those come back in time. */
const firstForEachAgain = 2;

interface DueRow {
  readonly deliveryId: number;
  readonly attempts: number;
  readonly messageId: number;
  readonly publishTimeMs: UnixMs;
  readonly sizeBytes: number;
  readonly attributes: string;
  readonly data: Uint8Array;
}

/**
 * Messages that wait for deliveries, in SQLite: memory holds none of them.
 * A delivery is one row with the time from which it may be handed over: a lease, a backoff and a delay all move that time on,
 * an ack deletes the row, and the message goes with its last one.
 */
export class Backlog {
  readonly #database: Database;
  readonly #insertMessage: StatementSync;
  readonly #insertDelivery: StatementSync;
  readonly #selectFirst: StatementSync;
  readonly #selectAgain: StatementSync;
  readonly #selectNextDue: StatementSync;
  readonly #lease: StatementSync;
  readonly #move: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteLastMessage: StatementSync;
  readonly #countDown: StatementSync;
  readonly #selectDueBefore: StatementSync;
  readonly #release: StatementSync;
  readonly #countWaiting: StatementSync;
  #lastMessageId: number;
  #storedBytes: number;
  /** Handed over for the first time while others were due again. */
  #firstInARow = 0;

  constructor(database: Database) {
    this.#database = database;
    const prepare = (sql: string) => database.sqlite.prepare(sql);
    this.#insertMessage = prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)');
    this.#insertDelivery = prepare('INSERT INTO deliveries (subscription, message, available_at_ms) VALUES (?, ?, ?)');
    const selectDue = (attempts: string) =>
      prepare(`
      SELECT d.id AS deliveryId, d.attempts, m.id AS messageId, m.publish_time_ms AS publishTimeMs,
             m.size_bytes AS sizeBytes, m.attributes, m.data
      FROM deliveries d JOIN messages m ON m.id = d.message
      WHERE d.subscription = ? AND d.available_at_ms <= ? AND d.attempts ${attempts}
      ORDER BY d.available_at_ms, d.id LIMIT ?`);
    this.#selectFirst = selectDue('= 0');
    this.#selectAgain = selectDue('> 0');
    this.#selectNextDue = prepare('SELECT min(available_at_ms) AS dueAtMs FROM deliveries WHERE subscription = ?');
    this.#lease = prepare('UPDATE deliveries SET available_at_ms = ?, attempts = attempts + 1 WHERE id = ?');
    this.#move = prepare(
      'UPDATE deliveries SET available_at_ms = ? WHERE id = ? AND subscription = ? AND attempts = ?',
    );
    this.#delete = prepare('DELETE FROM deliveries WHERE id = ? AND subscription = ? RETURNING message');
    this.#deleteLastMessage = prepare(
      'DELETE FROM messages WHERE id = ? AND waiting = 1 RETURNING size_bytes AS sizeBytes',
    );
    this.#countDown = prepare('UPDATE messages SET waiting = waiting - 1 WHERE id = ?');
    this.#selectDueBefore = prepare(
      'SELECT id FROM deliveries WHERE subscription = ? AND available_at_ms < ? ORDER BY available_at_ms LIMIT ?',
    );
    this.#release = prepare('UPDATE deliveries SET available_at_ms = ? WHERE subscription = ? AND available_at_ms > ?');
    this.#countWaiting = prepare(
      'SELECT count(*) AS count, min(message) AS oldest FROM deliveries WHERE subscription = ?',
    );
    this.#deleteOrphans();
    const totals = prepare('SELECT max(id) AS lastId, sum(size_bytes) AS bytes FROM messages').get();
    this.#lastMessageId = Number(totals?.lastId ?? 0);
    this.#storedBytes = Number(totals?.bytes ?? 0);
  }

  /** Data and attributes of everything that waits. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** How many deliveries wait or are under way, and when the oldest was published: a message's id begins with that. */
  waiting(subscriptionId: number): { readonly count: number; readonly oldestPublishTimeMs: number | undefined } {
    const row = this.#countWaiting.get(subscriptionId);
    const oldest = row?.oldest as number | null | undefined;
    return { count: Number(row?.count ?? 0), oldestPublishTimeMs: oldest == null ? undefined : oldest / 1000 };
  }

  /** Takes a message in for all of `dues`, of which there is at least one. */
  add(id: number, message: NewMessage, publishTimeMs: UnixMs, dues: readonly Due[]): void {
    this.#database.joinGroup();
    const bytes = sizeBytes(message);
    this.#insertMessage.run(id, dues.length, bytes, publishTimeMs, JSON.stringify(message.attributes), message.data);
    this.#storedBytes += bytes;
    for (const { subscriptionId, availableAtMs } of dues) this.#insertDelivery.run(subscriptionId, id, availableAtMs);
  }

  /** Ids follow the wall clock, so that a server that begins afresh never gives one twice. */
  nextMessageId(nowMs: UnixMs): number {
    this.#lastMessageId = Math.max(this.#lastMessageId + 1, nowMs * 1000);
    return this.#lastMessageId;
  }

  /**
   * What is due, not yet leased; its `attempt` counts the hand-over to come. Those due longest first, `maxBytes` of them at most, but one at least.
   * What was delivered before gets every third place and does not wait for the whole backlog to go first: `maximumBackoff` is the longest delay
   * between two deliveries. Source: https://cloud.google.com/python/docs/reference/pubsub/latest/google.cloud.pubsub_v1.types.RetryPolicy
   */
  due(subscriptionId: number, nowMs: MonotonicMs, maxMessages: number, maxBytes: number): Delivery[] {
    const again = this.#selectAgain.iterate(subscriptionId, nowMs, maxMessages);
    const first = this.#selectFirst.iterate(subscriptionId, nowMs, maxMessages);
    let next = again.next().value ?? undefined;
    const deliveries: Delivery[] = [];
    let bytes = 0;
    while (deliveries.length < maxMessages) {
      const isAgain = next !== undefined && this.#firstInARow >= firstForEachAgain;
      const row = isAgain ? next : (first.next().value ?? next);
      if (row === undefined) break;
      const delivery = toDelivery(row as unknown as DueRow);
      bytes += delivery.sizeBytes;
      if (deliveries.length > 0 && bytes > maxBytes) break;
      deliveries.push(delivery);
      this.#firstInARow = next === undefined || row === next ? 0 : this.#firstInARow + 1;
      if (row === next) next = again.next().value ?? undefined;
    }
    // A statement that is not at its end keeps its read transaction open.
    again.return?.();
    first.return?.();
    return deliveries;
  }

  /** When the next delivery is due; it may be in the past. */
  nextDueMs(subscriptionId: number): MonotonicMs | undefined {
    return (this.#selectNextDue.get(subscriptionId)?.dueAtMs as MonotonicMs | null | undefined) ?? undefined;
  }

  /** Counts the attempt. */
  lease(deliveryId: number, availableAtMs: MonotonicMs): void {
    this.#database.joinGroup();
    this.#lease.run(availableAtMs, deliveryId);
  }

  /** Sets when the delivery is due again, unless a later attempt has it; says whether it did. */
  move(subscriptionId: number, deliveryId: number, attempt: number, availableAtMs: MonotonicMs): boolean {
    this.#database.joinGroup();
    return this.#move.run(availableAtMs, deliveryId, subscriptionId, attempt).changes === 1;
  }

  /** Says whether it was there. */
  remove(subscriptionId: number, deliveryId: number): boolean {
    this.#database.joinGroup();
    const messageId = this.#delete.get(deliveryId, subscriptionId)?.message as number | undefined;
    if (messageId === undefined) return false;
    const gone = this.#deleteLastMessage.get(messageId);
    if (gone) this.#storedBytes -= gone.sizeBytes as number;
    else this.#countDown.run(messageId);
    return true;
  }

  /** Removes up to `limit` deliveries that have been due since before `dueBeforeMs`; how many. */
  removeDueBefore(subscriptionId: number, dueBeforeMs: MonotonicMs, limit: number): number {
    const rows = this.#selectDueBefore.all(subscriptionId, dueBeforeMs, limit);
    for (const row of rows) this.remove(subscriptionId, row.id as number);
    return rows.length;
  }

  /** Makes everything due now, whatever lease or backoff it was under. */
  release(subscriptionId: number, nowMs: MonotonicMs): void {
    this.#database.joinGroup();
    this.#release.run(nowMs, subscriptionId, nowMs);
  }

  /** What a kill in the midst of a subscription's removal left behind. */
  #deleteOrphans(): void {
    const { sqlite } = this.#database;
    const kept = 'SELECT id FROM subscriptions';
    const { changes } = sqlite.prepare(`DELETE FROM deliveries WHERE subscription NOT IN (${kept})`).run();
    if (changes > 0) sqlite.exec('DELETE FROM messages WHERE id NOT IN (SELECT message FROM deliveries)');
  }
}

function toDelivery(row: DueRow): Delivery {
  const message: Message = {
    messageId: String(row.messageId),
    publishTimeMs: row.publishTimeMs,
    attributes: JSON.parse(row.attributes) as Record<string, string>,
    data: row.data,
  };
  return { deliveryId: row.deliveryId, attempt: row.attempts + 1, message, sizeBytes: row.sizeBytes };
}
