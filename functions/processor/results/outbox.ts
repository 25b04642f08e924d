import { messageBytes, type OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import { later, type MonotonicClock, msBetween } from '../../../shared/runtime/clock.ts';
import type { BreakerBoard } from '../dispatch/breaker-board.ts';
import { PublishError, type Publisher } from './publisher.ts';
import { ResultCache } from './result-cache.ts';

/** What is due for a delivery before it may be acked. */
export interface PendingPublish {
  /** In this order. */
  readonly messages: readonly OutgoingMessage[];
  /** Once all of them are confirmed. */
  readonly onPublished: () => void;
  readonly onFailed: (error: unknown) => void;
}

const keptBytes = 64 * 1024 * 1024;
/** In less a topic may be well and not answer. */
const fairAttemptMs = 1000;

/** Publishes what is due, keeps what could not be published until its message comes back, and tells the topics' breakers. */
export class Outbox {
  readonly #publisher: Publisher;
  readonly #topics: BreakerBoard;
  readonly #clock: Pick<MonotonicClock, 'nowMs'>;
  readonly #onRelease: () => void;
  readonly #kept = new ResultCache<PendingPublish>(keptBytes);

  /** `onRelease`: a topic may have become free for those who wait. */
  constructor(publisher: Publisher, topics: BreakerBoard, clock: Pick<MonotonicClock, 'nowMs'>, onRelease: () => void) {
    this.#publisher = publisher;
    this.#topics = topics;
    this.#clock = clock;
    this.#onRelease = onRelease;
  }

  /** What an earlier delivery of this message left unpublished. */
  takeKept(delivery: string): PendingPublish | undefined {
    return this.#kept.take(delivery);
  }

  /** True when all is confirmed. `message` is the breakers' name for the one that all this is about. */
  async publish(delivery: string, message: string, due: PendingPublish, budgetMs: number): Promise<boolean> {
    const giveUpAtMs = later(this.#clock.nowMs(), budgetMs);
    for (const [index, outgoing] of due.messages.entries()) {
      const leftMs = msBetween(this.#clock.nowMs(), giveUpAtMs);
      try {
        await this.#publisher.publish(outgoing, leftMs);
        this.#topics.ended(outgoing.topic, message, 'well', this.#clock.nowMs());
      } catch (error) {
        const isMessagesFault = error instanceof PublishError && error.isMessagesFault;
        const said = isMessagesFault || leftMs < fairAttemptMs ? 'unsaid' : 'sick';
        this.#topics.ended(outgoing.topic, message, said, this.#clock.nowMs());
        const left = due.messages.slice(index);
        const sizeBytes = left.reduce((sum, { data, attributes }) => sum + messageBytes(data, attributes), 0);
        this.#kept.keep(delivery, { ...due, messages: left }, sizeBytes);
        due.onFailed(error);
        return false;
      }
    }
    due.onPublished();
    return true;
  }

  /** The message is done with these topics, whatever it said about them. */
  release(topics: readonly string[], message: string): void {
    for (const topic of topics) this.#topics.ended(topic, message, 'unsaid', this.#clock.nowMs());
    this.#onRelease();
  }
}
