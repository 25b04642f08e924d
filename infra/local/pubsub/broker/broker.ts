import { later, type MonotonicMs, msBetween, type UnixMs } from '../../../../shared/runtime/clock.ts';
import { Refusal } from '../api/refusal.ts';
import type { Catalog, Entry } from '../catalog/catalog.ts';
import type { AckId } from '../pull/ack-id.ts';
import type { ServerClock } from '../server-clock.ts';
import type { Backlog, Due } from './backlog.ts';
import type { Database } from './database.ts';
import { deadLetter } from './dead-letter.ts';
import { type Delivery, type NewMessage, sizeBytes } from './message.ts';
import type { Outstanding } from './outstanding.ts';
import { retryBackoffMs } from './retry-backoff.ts';

/** Faults on purpose, for tests of what consumes. */
export interface Knobs {
  /** Share of deliveries, 0 to 1, that are made twice, the second up to a second later; each wants its own ack. */
  readonly duplicateRate: number;
  /** From the publish to the first delivery. */
  readonly delayMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** How many messages are leased, and for how long. */
export interface Lease {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly leaseMs: number;
  /** Counts what it holds. */
  readonly holder?: Outstanding;
}

const latestDuplicateMs = 1000;
const clearedAtOnce = 1000;
const never = Number.MAX_SAFE_INTEGER as MonotonicMs;

/** Takes messages in and hands them out under leases. What it answers is durable once `committed` resolves. */
export class Broker {
  readonly #database: Database;
  readonly #backlog: Backlog;
  readonly #catalog: Catalog;
  readonly #clock: ServerClock;
  readonly #knobs: Knobs;
  readonly #maxBacklogBytes: number;
  readonly #consumers = new Map<number, Set<() => void>>();
  readonly #alarms = new Map<number, () => void>();
  readonly #holders = new Map<number, Outstanding>();
  readonly #toWake = new Set<number>();
  readonly #acknowledged = new Map<number, number>();

  constructor(
    database: Database,
    backlog: Backlog,
    catalog: Catalog,
    clock: ServerClock,
    knobs: Knobs,
    maxBacklogBytes: number,
  ) {
    this.#database = database;
    this.#backlog = backlog;
    this.#catalog = catalog;
    this.#clock = clock;
    this.#knobs = knobs;
    this.#maxBacklogBytes = maxBacklogBytes;
  }

  committed(): Promise<void> {
    return this.#database.committed();
  }

  /**
   * The new messages' ids, in order.
   * @throws {Refusal} NOT_FOUND, or RESOURCE_EXHAUSTED when the backlog has no room
   */
  publish(topic: string, messages: readonly NewMessage[]): string[] {
    this.#catalog.topic(topic);
    const bytes = messages.reduce((sum, message) => sum + sizeBytes(message), 0);
    const subscriptions = this.#catalog.subscriptionsOf(topic);
    if (subscriptions.length > 0 && this.#backlog.storedBytes + bytes > this.#maxBacklogBytes) {
      throw new Refusal('RESOURCE_EXHAUSTED', `The backlog is at its limit of ${this.#maxBacklogBytes} bytes.`);
    }
    return messages.map((message) => this.#take(message, subscriptions));
  }

  /** Hands out what is due now. Attempts beyond the dead-letter policy and what outlived its retention are cleared away instead. */
  lease(subscription: Entry, { maxMessages, maxBytes, leaseMs, holder }: Lease): Delivery[] {
    const nowMs = this.#clock.nowMs();
    const candidates = this.#backlog.due(subscription.id, nowMs, maxMessages, maxBytes);
    const unixMs = this.#clock.unixMs();
    const leased = candidates.filter((candidate) => !this.#clearAway(subscription, candidate, unixMs));
    for (const delivery of leased) {
      const { deliveryId, attempt } = delivery;
      this.#backlog.lease(deliveryId, later(nowMs, leaseMs + retryBackoffMs(subscription.retry, attempt)));
      if (!holder) continue;
      holder.add(delivery, later(nowMs, leaseMs));
      this.#holders.set(deliveryId, holder);
    }
    if (candidates.length < maxMessages) this.watch(subscription);
    else if (leased.length < candidates.length) this.#wake(subscription.id);
    return leased;
  }

  /** Deliveries of the subscription that were acked since the server began. */
  acknowledged(subscriptionId: number): number {
    return this.#acknowledged.get(subscriptionId) ?? 0;
  }

  ack(subscription: Entry, { deliveryId }: AckId): void {
    if (this.#backlog.remove(subscription.id, deliveryId)) {
      this.#acknowledged.set(subscription.id, this.acknowledged(subscription.id) + 1);
    }
    this.#letGo(subscription, deliveryId);
  }

  /** Due again after the retry policy's backoff; at once when it is due for the dead-letter topic. */
  nack(subscription: Entry, ackId: AckId): void {
    this.extend(subscription, ackId, 0);
  }

  /** Due again `leaseMs` from now and the backoff of a nack; 0 is a nack. A lease that another consumer has by now stays. */
  extend(subscription: Entry, { deliveryId, attempt }: AckId, leaseMs: number): void {
    const expiresAtMs = later(this.#clock.nowMs(), leaseMs);
    const spent = this.#isSpent(subscription, attempt + 1);
    const backoffMs = spent ? 0 : retryBackoffMs(subscription.retry, attempt);
    if (!this.#backlog.move(subscription.id, deliveryId, attempt, later(expiresAtMs, backoffMs))) return;
    if (leaseMs > 0) this.#holders.get(deliveryId)?.extend(deliveryId, expiresAtMs);
    else this.#letGo(subscription, deliveryId);
  }

  /** Calls `consume` whenever something of this subscription may be due or room may be free; the answer ends that. */
  onAvailable(subscriptionId: number, consume: () => void): () => void {
    const consumers = this.#consumers.get(subscriptionId) ?? new Set();
    this.#consumers.set(subscriptionId, consumers.add(consume));
    return () => {
      consumers.delete(consume);
      if (consumers.size > 0) return;
      this.#consumers.delete(subscriptionId);
      this.#disarm(subscriptionId);
    };
  }

  /** Sets the alarm for the next delivery that comes due, where a consumer waits for it. */
  watch({ id }: Entry): void {
    this.#disarm(id);
    const dueAtMs = this.#consumers.has(id) ? this.#backlog.nextDueMs(id) : undefined;
    if (dueAtMs === undefined) return;
    this.#alarms.set(
      id,
      this.#clock.after(Math.max(0, msBetween(this.#clock.nowMs(), dueAtMs)), () => this.#wake(id)),
    );
  }

  /** What a holder holds stays leased until it expires, but counts no more. */
  forget(holder: Outstanding): void {
    for (const deliveryId of holder.ids()) this.#holders.delete(deliveryId);
  }

  /** Pushes that were under way when the last server ended have no answer: they are due now. */
  releasePushes(): void {
    for (const { id, config } of this.#catalog.subscriptions()) {
      if (config.pushConfig.pushEndpoint) this.#backlog.release(id, this.#clock.nowMs());
    }
  }

  /** Removes the deliveries that a subscription left, some at a time, so that others are served meanwhile. */
  clear(subscriptionId: number): void {
    this.#wake(subscriptionId);
    const removed = this.#backlog.removeDueBefore(subscriptionId, never, clearedAtOnce);
    if (removed < clearedAtOnce) return;
    this.#alarms.set(
      subscriptionId,
      this.#clock.after(0, () => this.clear(subscriptionId)),
    );
  }

  /** Removes what no consumer took within its retention. */
  expire(): void {
    for (const { id, retentionMs } of this.#catalog.subscriptions()) {
      this.#backlog.removeDueBefore(id, later(this.#clock.nowMs(), -retentionMs), clearedAtOnce);
    }
  }

  close(): void {
    for (const disarm of this.#alarms.values()) disarm();
    this.#alarms.clear();
  }

  #take(message: NewMessage, subscriptions: readonly Entry[]): string {
    const unixMs = this.#clock.unixMs();
    const { duplicateRate, delayMs, random } = this.#knobs;
    const availableAtMs = later(this.#clock.nowMs(), delayMs);
    const takers = subscriptions.filter(({ matches }) => matches(message.attributes));
    const dues: Due[] = takers.flatMap(({ id }) => {
      const first = { subscriptionId: id, availableAtMs };
      if (random() >= duplicateRate) return [first];
      const again = later(availableAtMs, Math.floor(random() * latestDuplicateMs));
      return [first, { ...first, availableAtMs: again }];
    });
    const id = this.#backlog.nextMessageId(unixMs);
    if (dues.length === 0) return String(id);
    this.#backlog.add(id, message, unixMs, dues);
    for (const taker of takers) this.#wakeOnceCommitted(taker.id);
    return String(id);
  }

  #clearAway(subscription: Entry, candidate: Delivery, unixMs: UnixMs): boolean {
    const { deliveryId, attempt, message } = candidate;
    const spent = this.#isSpent(subscription, attempt);
    if (!spent && message.publishTimeMs >= unixMs - subscription.retentionMs) return false;
    const topic = subscription.config.deadLetterPolicy?.deadLetterTopic ?? '';
    const dead = deadLetter(message, subscription.config.name, attempt - 1);
    if (spent) this.#take(dead, this.#catalog.subscriptionsOf(topic));
    this.#backlog.remove(subscription.id, deliveryId);
    return true;
  }

  /** Whether the dead-letter topic, where it exists, gets the message before this attempt. */
  #isSpent({ config: { deadLetterPolicy } }: Entry, attempt: number): boolean {
    if (!deadLetterPolicy || attempt <= deadLetterPolicy.maxDeliveryAttempts) return false;
    return this.#catalog.hasTopic(deadLetterPolicy.deadLetterTopic);
  }

  #letGo(subscription: Entry, deliveryId: number): void {
    this.#holders.get(deliveryId)?.drop(deliveryId);
    this.#holders.delete(deliveryId);
    this.#wakeOnceCommitted(subscription.id);
  }

  #disarm(subscriptionId: number): void {
    this.#alarms.get(subscriptionId)?.();
    this.#alarms.delete(subscriptionId);
  }

  /** Once for all that one commit brings. */
  #wakeOnceCommitted(subscriptionId: number): void {
    if (this.#toWake.has(subscriptionId)) return;
    this.#toWake.add(subscriptionId);
    void this.committed().then(() => {
      this.#toWake.delete(subscriptionId);
      this.#wake(subscriptionId);
    });
  }

  #wake(subscriptionId: number): void {
    for (const consume of this.#consumers.get(subscriptionId) ?? []) consume();
  }
}
