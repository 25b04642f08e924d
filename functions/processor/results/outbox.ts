import { messageBytes, type OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import { later, type MonotonicClock, msBetween } from '../../../shared/runtime/clock.ts';
import { withinTime } from '../../../shared/runtime/within-time.ts';
import type { Store } from '../../../shared/store/store.ts';
import type { BreakerBoard } from '../dispatch/breaker-board.ts';
import { PublishError } from './publish-error.ts';
import type { Publish } from './publisher.ts';
import { ResultCache } from './result-cache.ts';
import type { Settlement } from './settlement.ts';
import type { StoredPart } from './stored-parts.ts';

/** What an outbox is made from. */
export interface OutboxOptions {
  readonly publish: Publish;
  /** For what no message holds; undefined where there is no `STORE`. */
  readonly store?: Pick<Store, 'write'> | undefined;
  readonly topics: Pick<BreakerBoard, 'ended'>;
  readonly clock: MonotonicClock;
  /** A topic may have become free for messages that wait. */
  readonly onRelease: () => void;
}

/** Whether Pub/Sub has confirmed all of it. */
export type PublishOutcome = { readonly isConfirmed: true } | { readonly isConfirmed: false; readonly error: unknown };

/** The name under which the store has its breaker, among those of the topics: no topic is called so. */
export const storeTopic = 'STORE';
/**
 * Of finished results that could not be published. Derived: three of Pub/Sub's largest, with their copies as text; the deployment adds as
 * much memory.
 */
const keptBytes = 64 * 1024 * 1024;
/**
 * What each result takes beside its texts and bytes, at the most: the objects around them, and the names that are told of it. Derived: some
 * dozen objects of a hundred bytes, and as many names of at most 256.
 */
const keptBesideBytes = 4096;
/** In less time a topic may be well and not answer. Derived: ten times what a round trip to Pub/Sub takes. */
const fairAttemptMs = 1000;

/** Publishes what is due, keeps what could not be published until its message comes again, and tells the topics' breakers. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #kept = new ResultCache<Settlement>(keptBytes);

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Takes out what an earlier delivery of this message left unpublished. */
  takeKept(delivery: string): Settlement | undefined {
    return this.#kept.take(delivery);
  }

  /**
   * Stores what is to be stored, then publishes the messages, one after the other; the first that is not confirmed within the budget is kept
   * with all behind it.
   * @param delivery the delivery and its redeliveries
   * @param message the breakers' name for the message that all this is about
   * @param budgetMs milliseconds for all of it
   */
  async publish(delivery: string, message: string, due: Settlement, budgetMs: number): Promise<PublishOutcome> {
    const { publish, topics, clock } = this.#options;
    const giveUpAtMs = later(clock.nowMs(), budgetMs);
    for (const [index, part] of due.stored.entries()) {
      try {
        await this.#store(part, msBetween(clock.nowMs(), giveUpAtMs));
        topics.ended(storeTopic, message, 'well', clock.nowMs());
      } catch (error) {
        topics.ended(storeTopic, message, 'sick', clock.nowMs());
        this.#keep(delivery, { ...due, stored: due.stored.slice(index) });
        return { isConfirmed: false, error };
      }
    }
    for (const [index, outgoing] of due.messages.entries()) {
      const leftMs = msBetween(clock.nowMs(), giveUpAtMs);
      try {
        await publish(outgoing, leftMs);
        topics.ended(outgoing.topic, message, 'well', clock.nowMs());
      } catch (error) {
        const isMessagesFault = error instanceof PublishError && error.isMessagesFault;
        const health = isMessagesFault || leftMs < fairAttemptMs ? 'unsaid' : 'sick';
        topics.ended(outgoing.topic, message, health, clock.nowMs());
        this.#keep(delivery, { ...due, stored: [], messages: due.messages.slice(index) });
        return { isConfirmed: false, error };
      }
    }
    return { isConfirmed: true };
  }

  /** The message is done with these topics, whatever it told of them. */
  release(topics: readonly string[], message: string): void {
    const nowMs = this.#options.clock.nowMs();
    for (const topic of topics) this.#options.topics.ended(topic, message, 'unsaid', nowMs);
    this.#options.onRelease();
  }

  async #store({ name, data }: StoredPart, leftMs: number): Promise<void> {
    const { store, clock } = this.#options;
    if (!store) throw new Error('there is no STORE');
    await withinTime(store.write(name, data), Math.max(0, leftMs), clock, `STORE did not confirm ${name} in time`);
  }

  #keep(delivery: string, left: Settlement): void {
    const stored = left.stored.map((part) => ({ ...part, data: withoutNeighbours(part.data) }));
    const storedBytes = stored.reduce((sum, { data }) => sum + data.length, 0);
    const messages = left.messages.map((message) => ({ ...message, data: withoutNeighbours(message.data) }));
    const sizeBytes = messages.reduce((sum, message) => sum + bytesOf(message), keptBesideBytes + storedBytes);
    this.#kept.keep(delivery, { ...left, stored, messages }, sizeBytes);
  }
}

/** Bytes that share their memory with others would keep all of it from being freed. */
function withoutNeighbours(data: Uint8Array): Uint8Array {
  if (data.length === data.buffer.byteLength) return data;
  const own = Buffer.allocUnsafeSlow(data.length);
  own.set(data);
  return own;
}

/** A text takes up to twice its UTF-8 in memory. */
function bytesOf({ data, attributes }: OutgoingMessage): number {
  return messageBytes(data, attributes) * 2 - data.length;
}
