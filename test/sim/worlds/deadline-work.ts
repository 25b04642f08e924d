import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { type AsyncKind, type AsyncLengths, asyncLengths } from './async-work.ts';

/** One class of async messages: how long each may take, and which share of all messages it is. */
export interface WindowClass {
  readonly windowSeconds: number;
  readonly share: number;
}

/** Async messages that come in bursts and have windows. */
export interface DeadlineWork {
  readonly kind: AsyncKind;
  /** On the average. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly classes: readonly WindowClass[];
  readonly seed: number;
  /** Bursts come so far apart on the average, 10 s unless it is said, and at most twice as far. */
  readonly burstSeconds?: number;
}

/** One of them. */
export interface DeadlineMessage {
  readonly atMs: number;
  readonly windowSeconds: number;
  readonly lengths: AsyncLengths;
  /** All of one burst belong to one job. */
  readonly job: string;
}

/** In order of arrival, the same for the same seed: bursts at uniform distances, each of one class, as large as its distance at the mean rate. */
export function deadlineWork(work: DeadlineWork): readonly DeadlineMessage[] {
  const { kind, perSecond, seconds, classes, seed, burstSeconds = 10 } = work;
  const random = seededRandom(5000 + seed);
  const next = asyncLengths(kind, seed);
  const messages: DeadlineMessage[] = [];
  let atSeconds = 0;
  for (let burst = 0; ; burst += 1) {
    const gapSeconds = 2 * burstSeconds * random();
    atSeconds += gapSeconds;
    if (atSeconds > seconds) return messages;
    const windowSeconds = drawn(classes, random());
    for (let count = Math.round(perSecond * gapSeconds); count > 0; count -= 1) {
      messages.push({ atMs: Math.round(atSeconds * 1000), windowSeconds, lengths: next(), job: `burst-${burst}` });
    }
  }
}

/** @param point uniform in [0, 1) */
function drawn(classes: readonly WindowClass[], point: number): number {
  let upTo = 0;
  for (const { windowSeconds, share } of classes) {
    upTo += share;
    if (point < upTo) return windowSeconds;
  }
  return classes.at(-1)!.windowSeconds;
}
