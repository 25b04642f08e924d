import type { OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import { later, type MonotonicClock, msBetween } from '../../../shared/runtime/clock.ts';
import { withinTime } from '../../../shared/runtime/within-time.ts';
import { isHopeless, PublishError } from './publish-error.ts';

/**
 * Resolves once Pub/Sub has confirmed the message. Tries again in place until `budgetMs` milliseconds are over; the message may yet be
 * published when they are.
 * @throws {PublishError}
 */
export type Publish = (message: OutgoingMessage, budgetMs: number) => Promise<void>;

/** One try. `isFirst`: it may share a request with others. Rejects with Pub/Sub's error, its gRPC code in `code`. */
export type PublishOnce = (message: OutgoingMessage, isFirst: boolean) => Promise<void>;

/** Protocol: Pub/Sub's client begins with as much. */
const firstPauseMs = 100;
/** Derived: eleven quick tries fit into the 15 s of a publish. */
const longestPauseMs = 2000;

/**
 * Tries again with pauses of 100 ms, twice as long each time, at most 2 s. Messages that come together share a request, and the fault of
 * one is the error of all: one that was refused is tried again alone before it is given up.
 */
export function createPublisher(publishOnce: PublishOnce, clock: MonotonicClock): Publish {
  const pause = (ms: number): Promise<void> => new Promise((over) => clock.after(ms, over));
  return async (message, budgetMs) => {
    const giveUpAtMs = later(clock.nowMs(), budgetMs);
    for (let failed = 0; ; failed += 1) {
      try {
        const leftMs = Math.max(0, msBetween(clock.nowMs(), giveUpAtMs));
        return await withinTime(publishOnce(message, failed === 0), leftMs, clock);
      } catch (error) {
        const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** failed);
        const isOver = later(clock.nowMs(), pauseMs) >= giveUpAtMs;
        if (isOver || (failed > 0 && isHopeless(error))) throw new PublishError(message.topic, error);
        await pause(pauseMs);
      }
    }
  };
}
