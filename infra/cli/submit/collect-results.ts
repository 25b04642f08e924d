import type { Message, Subscription } from '@google-cloud/pubsub';
import type { PublishedLine } from './journal.ts';
import type { ResultFile } from './result-file.ts';
import { failureReason, resultLine } from './result-line.ts';
import type { Submission } from './submission.ts';

/** Writes results as they come, each before its ack, and finds the line of each by the message that it answers. */
export class ResultCollector {
  readonly #submission: Submission;
  readonly #results: ResultFile;
  /** Results by `first_message_id` that came before their publish was confirmed, or of one that no run lived to record. */
  readonly #early = new Map<string, Message[]>();
  readonly #ended = Promise.withResolvers<void>();
  #publishing = true;

  constructor(submission: Submission, results: ResultFile) {
    this.#submission = submission;
    this.#results = results;
  }

  /**
   * Until every line has its result or `signal` ends it.
   * @throws {Error} when results can no longer be read or written
   */
  async collect(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const stop = () => this.#ended.resolve();
    subscription.on('message', (message: Message) => {
      if (signal.aborted) message.nack();
      else this.#guard(() => this.#take(message));
    });
    subscription.on('error', (error: Error) => {
      this.#ended.reject(new Error(`cannot read results from ${subscription.name}: ${error.message}`));
    });
    signal.addEventListener('abort', stop);
    if (signal.aborted || this.#submission.complete) stop();
    try {
      await this.#ended.promise;
    } finally {
      signal.removeEventListener('abort', stop);
      // Gives back what is held, and waits until acks are on their way.
      await subscription.close();
    }
  }

  /** To be called for each line whose publish is confirmed and recorded. */
  published({ messageId }: PublishedLine): void {
    const early = this.#early.get(messageId) ?? [];
    this.#early.delete(messageId);
    for (const message of early) this.#guard(() => this.#take(message));
  }

  /** What is unknown now is of a message that a killed run sent and did not record; its line was sent again. */
  publishingEnded(): void {
    this.#publishing = false;
    const unknown = [...this.#early.values()].flat();
    this.#early.clear();
    for (const message of unknown) this.#guard(() => this.#take(message));
  }

  #take(message: Message): void {
    const { attributes, data } = message;
    const messageId = attributes.first_message_id ?? '';
    const match = this.#submission.match(messageId);
    if (match === 'unknown' && this.#publishing) {
      this.#early.set(messageId, [...(this.#early.get(messageId) ?? []), message]);
      return;
    }
    if (typeof match === 'string') {
      this.#submission.recordDuplicate();
    } else {
      const reason = failureReason(attributes, data);
      this.#results.writeResult(match.first, resultLine(match.first, data), reason);
      this.#submission.recordAnswered(match.first, reason);
    }
    message.ack();
    if (this.#submission.complete) this.#ended.resolve();
  }

  /** A full disk, say, ends the run. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#ended.reject(error as Error);
    }
  }
}
