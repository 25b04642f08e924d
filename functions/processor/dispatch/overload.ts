import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import { FadingSum } from '../../../shared/runtime/ewma.ts';
import { longestBackoffMs } from './urgency.ts';

/** What a message's end counts a third of after so long. Derived: an overload that lasts is seen within a minute, and is over as soon. */
const memoryMs = 60_000;
/** One that is late says nothing of a rate. Derived from that. */
const lostByChance = 1;
/** Less is no overload. Derived: a share as small as that by which calls are told apart from the fastest of them. */
const bearableShare = 0.01;
/** Derived: a minute, in which a sender can do something about it, and what the result needs to be there. */
const earlyMs = 62_000;
/** Of a short window no more is given up. Derived: an overload makes it wait, and most of it is for that. */
const shareOfWindow = 0.4;

/**
 * The time left with which a message that would have to wait in overload is given up: min(62 s, 0.4 · window), and a minute more in the
 * first of the two where it would go back to Pub/Sub. Without that every message is begun at the brink of its deadline and many are cut off
 * by it, which costs the pool what others could have used.
 * @param isLastChance it goes back to Pub/Sub now
 */
export function givenUpAtMs(windowMs: number, isLastChance = false): number {
  return Math.min(earlyMs + (isLastChance ? longestBackoffMs : 0), windowMs * shareOfWindow);
}

/**
 * How many messages of a pool were lost to their deadlines lately, of all that were called or lost. One that goes back to Pub/Sub with no more
 * left than `givenUpAtMs` counts as lost: it hardly comes again in time, and that is known a minute or two before the first deadline is over.
 */
export class LostDeadlines {
  readonly #lost = new FadingSum(memoryMs);
  readonly #all = new FadingSum(memoryMs);

  record(isLost: boolean, nowMs: MonotonicMs): void {
    this.#lost.add(Number(isLost), nowMs);
    this.#all.add(1, nowMs);
  }

  /** lost > 1 + 1 % of all, of about the last minute. */
  isOverload(nowMs: MonotonicMs): boolean {
    return this.#lost.at(nowMs) > lostByChance + bearableShare * this.#all.at(nowMs);
  }
}
