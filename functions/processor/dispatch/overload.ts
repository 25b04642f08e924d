import { type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';

/** What is counted is forgotten after one to two of these. Derived: as what calls took (`durations.ts`), by which messages are given up. */
const generationMs = 150_000;
/** Fewer lost messages are no overload: a burst of short windows, or a producer that publishes late. Measured: docs/deadlines.md. */
const leastLost = 20;
/** Of the messages that ended. Measured: docs/deadlines.md. */
const lostShare = 0.02;

interface Generation {
  readonly sinceMs: MonotonicMs;
  met: number;
  lost: number;
}

/**
 * Whether more messages come to a pool than can be met: in the last two and a half to five minutes 20 and more of those that ended here, and
 * a fiftieth of them, were lost to their deadlines.
 */
export class Overload {
  #current: Generation | undefined;
  #previous: Generation | undefined;

  /** A message got its answer. */
  met(nowMs: MonotonicMs): void {
    this.#at(nowMs).met += 1;
  }

  /** A message expired, or was given up. */
  lost(nowMs: MonotonicMs): void {
    this.#at(nowMs).lost += 1;
  }

  /** Changes nothing. */
  isOn(nowMs: MonotonicMs): boolean {
    const current = this.#current;
    if (!current || msBetween(current.sinceMs, nowMs) >= 2 * generationMs) return false;
    const lost = current.lost + (this.#previous?.lost ?? 0);
    return lost >= leastLost && lost >= lostShare * (lost + current.met + (this.#previous?.met ?? 0));
  }

  #at(nowMs: MonotonicMs): Generation {
    const before = this.#current;
    const ageMs = before ? msBetween(before.sinceMs, nowMs) : Number.POSITIVE_INFINITY;
    if (before && ageMs < generationMs) return before;
    this.#previous = ageMs < 2 * generationMs ? before : undefined;
    this.#current = { sinceMs: nowMs, met: 0, lost: 0 };
    return this.#current;
  }
}
