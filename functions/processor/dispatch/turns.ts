import type { UnixMs } from '../../../shared/runtime/clock.ts';

/** One of several that share a pool's places: a subscription, or a tenant within one. */
export interface Sharer {
  /** Calls of it that are under way. */
  readonly inFlight: number;
  /** Which grant was the last when it got its last place, or when it came; see `isBefore`. */
  readonly turn: number;
  /** The earliest of its messages that could go now; `never` where there is none. */
  readonly firstDeadlineAtMs: UnixMs;
}

/**
 * Whose turn it is: the one with the fewest calls under way, of those alike the one that was served longest ago, then the one with the
 * earliest deadline. A newcomer stands with the one served last, so that none gathers credit while nothing of it waits, and an endless
 * row of newcomers starves none that waits.
 */
export function isBefore(one: Sharer, other: Sharer): boolean {
  if (one.inFlight !== other.inFlight) return one.inFlight < other.inFlight;
  if (one.turn !== other.turn) return one.turn < other.turn;
  return one.firstDeadlineAtMs < other.firstDeadlineAtMs;
}

/** The same as an order for `sort`. */
export function byTurn(one: Sharer, other: Sharer): number {
  return isBefore(one, other) ? -1 : Number(isBefore(other, one));
}
