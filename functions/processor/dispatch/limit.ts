import { later, longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import { ewma } from '../../../shared/runtime/ewma.ts';

/**
 * How many calls of a pool may be under way at once, learned from what its calls report. Nothing here knows how many others do the same.
 *
 * With `n` calls allowed, of a call that began under this limit:
 * - success, where the limit is used: n + 1 up to `doublesTo` (slow start: it doubles every round trip), n + 1/n above (one more every
 *   round trip), at most the ceiling. Slow start counts as used from half of the limit on.
 * - success, where calls of its kind have become 4 times as slow (s): n · max(½, 4/s), at least 1.
 * - shed: n · ½, at least 1/16. A burst counts once: there is one cut a second, and calls from before the last one say nothing new.
 * - anything else says nothing of capacity: n stays.
 *
 * Below one, one call is under way for the share n of the time: after each, the pool rests (1/n − 1) round trips, half a minute at most. There
 * a success counts fourfold, up to 1, and with 1 slow start begins anew.
 *
 * Slow start also follows a closed gate and ten seconds without a call: from 1, or what is still under way, without bound when the load
 * was read to be low or when it was idle, and up to n after a shed.
 *
 * After Jacobson's congestion avoidance, https://ee.lbl.gov/papers/congavoid.pdf, and https://github.com/Netflix/concurrency-limits.
 */
export interface Limit {
  /** In [1/16, ceiling]. */
  readonly calls: number;
  /** Where slow start ends. */
  readonly doublesTo: number;
  readonly cutAtMs: MonotonicMs;
  /** Calls that began earlier say nothing of this limit. */
  readonly sinceMs: MonotonicMs;
  /** Of calls that succeeded, smoothed. */
  readonly roundTripMs: number;
  readonly lastEndAtMs: MonotonicMs;
}

/** A success tells of room, a drop of none; an ignored call tells nothing. */
export type SampleOutcome = 'success' | 'ignore' | 'dropped';

/** What the limit hears of a call. */
export interface EndedCall {
  readonly outcome: SampleOutcome;
  readonly startedAtMs: MonotonicMs;
  readonly endedAtMs: MonotonicMs;
  /** This call included. */
  readonly inFlight: number;
  /** How many times as slow as unhurried ones recent calls were; undefined when too few were compared. */
  readonly slowness: number | undefined;
}

/** How many calls may be under way now. */
export interface CallQuota {
  readonly calls: number;
  /** When a call is allowed, where none is by then. */
  readonly untilMs?: MonotonicMs;
}

/** Calls at once that are always allowed. Derived: 32 instances at this floor send two calls at once. */
const floor = 1 / 16;
/**
 * Slowness from which the limit is cut. Derived: calls that share an engine with as many others as it holds become two to three times as
 * slow without being too many.
 */
const slowFrom = 4;
/** A burst of refusals is one event. Protocol: llm-d-async cuts at most once a second. */
const cutEveryMs = 1000;
/** After this time without a call nothing is known of the pool any more. Derived: two periods of `CAPACITY_REFRESH_SECONDS`. */
const idleAfterMs = 10_000;
/** Serves where no call has succeeded yet. Learned with the first success. */
const assumedRoundTripMs = 50;
/** Derived: below the longest pause of a push subscription (60 s), so that a pool that recovers is found before its messages return. */
const longestRestMs = 30_000;

/** How every pool begins: with one call, in slow start. */
export const freshLimit: Limit = Object.freeze({
  calls: 1,
  doublesTo: Number.POSITIVE_INFINITY,
  cutAtMs: longAgo,
  sinceMs: longAgo,
  roundTripMs: assumedRoundTripMs,
  lastEndAtMs: longAgo,
});

/** The whole number of calls that the limit allows now. Changes nothing. */
export function quota({ calls, roundTripMs, lastEndAtMs }: Limit, nowMs: MonotonicMs): CallQuota {
  if (calls >= 1) return { calls: Math.floor(calls) };
  const restMs = Math.min(longestRestMs, roundTripMs * (1 / calls - 1));
  const untilMs = later(lastEndAtMs, restMs);
  return nowMs >= untilMs ? { calls: 1 } : { calls: 0, untilMs };
}

/** The limit after a call has ended. `ceiling`: calls at once, at most. */
export function afterCall(before: Limit, call: EndedCall, ceiling: number): Limit {
  const limit = { ...before, lastEndAtMs: call.endedAtMs };
  const saysNothing = call.outcome === 'ignore' || call.startedAtMs < before.sinceMs;
  if (saysNothing) return limit;
  if (call.outcome === 'dropped') return cut(limit, 0.5, floor, call.endedAtMs);
  const tripMs = msBetween(call.startedAtMs, call.endedAtMs);
  const timed = { ...limit, roundTripMs: ewma(limit.roundTripMs, tripMs, 1 / 8) };
  const { slowness = 1 } = call;
  if (slowness > slowFrom) return cut(timed, Math.max(0.5, slowFrom / slowness), 1, call.endedAtMs);
  return grown(timed, call.inFlight, ceiling);
}

/** The limit after a gate that a reading had closed is open again. */
export function reopened(limit: Limit, inFlight: number, nowMs: MonotonicMs): Limit {
  const calls = Math.max(1, Math.min(limit.calls, inFlight));
  return { ...limit, calls, doublesTo: Number.POSITIVE_INFINITY, sinceMs: nowMs };
}

/** The limit after the time is over for which a shed had closed the gate. */
export function resumed(limit: Limit, inFlight: number, nowMs: MonotonicMs): Limit {
  return { ...limit, calls: Math.min(limit.calls, Math.max(1, inFlight)), doublesTo: limit.calls, sinceMs: nowMs };
}

/** The limit of a pool that may have been idle: after ten seconds without a call it is not known any more. */
export function afterIdling(limit: Limit, inFlight: number, nowMs: MonotonicMs): Limit {
  const isKnown = inFlight > 0 || limit.calls <= 1 || msBetween(limit.lastEndAtMs, nowMs) < idleAfterMs;
  return isKnown ? limit : { ...limit, calls: 1, doublesTo: Number.POSITIVE_INFINITY };
}

function grown(limit: Limit, inFlight: number, ceiling: number): Limit {
  const { calls, doublesTo } = limit;
  if (calls < 1) {
    const risen = Math.min(1, calls * 4);
    return { ...limit, calls: risen, doublesTo: risen < 1 ? doublesTo : Number.POSITIVE_INFINITY };
  }
  const isStarting = calls < doublesTo;
  const isUsed = inFlight >= (isStarting ? calls / 2 : Math.floor(calls));
  if (!isUsed) return limit;
  const more = isStarting ? Math.min(doublesTo, calls + 1) : calls + 1 / calls;
  return { ...limit, calls: Math.min(ceiling, more) };
}

function cut(limit: Limit, factor: number, least: number, nowMs: MonotonicMs): Limit {
  if (msBetween(limit.cutAtMs, nowMs) < cutEveryMs || limit.calls <= least) return limit;
  const calls = Math.max(least, limit.calls * factor);
  return { ...limit, calls, doublesTo: calls, cutAtMs: nowMs, sinceMs: nowMs };
}
