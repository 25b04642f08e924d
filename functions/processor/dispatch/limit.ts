import { later, longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import { ewma } from '../../../shared/runtime/ewma.ts';

/**
 * How many calls of a pool may be under way at once, learned from what its calls report. Nothing here knows how many others do the same.
 *
 * With `n` calls allowed and `m` under way, congestion `r` (1: the limit stands) sampled for the share `s` of a round trip:
 *
 *     slow start, r ≤ 1     n ← n + s · n                                              while m ≥ n/2: doubles every round trip
 *     otherwise             n ← n · exp(½ · s · clip(1 − r, −2, 1)) + s/10             no more growth than 1/10 while m < n/2
 *     below 1, for more     2 in place of ½
 *     n is not used         n ← n − s/2 · (n − m)                                      but for slow start
 *
 * `n` stays in [1/16, ceiling].
 *
 * The step is in proportion to `n`, so that the sum over all instances changes by the same factor whatever their number is. What is not
 * used is lost: each instance is sent as many messages as any other, so that a large limit that is not used makes room for a small one
 * that is. A shed halves `n`, once a round trip.
 *
 * Below one, one call is under way for the share n of the time: after each, the pool rests (1/n − 1) round trips, half a minute at most.
 *
 * Slow start ends once a sample has seen load. It begins anew after a closed gate, from what is still under way, and after ten seconds
 * without a call, from 1.
 */
export interface Limit {
  /** In [1/16, ceiling]. */
  readonly calls: number;
  readonly isStarting: boolean;
  /** Calls that began earlier cut nothing more. */
  readonly cutAtMs: MonotonicMs;
  /** Of calls that succeeded, smoothed. */
  readonly roundTripMs: number;
  readonly lastEndAtMs: MonotonicMs;
}

/** What a pool's answers tell of its load. */
export interface LoadSample {
  /** 0 is no load, at 1 the limit stands. */
  readonly congestion: number;
  /** Slow start is over. */
  readonly isLoaded: boolean;
}

/** How many calls may be under way now. */
export interface CallQuota {
  readonly calls: number;
  /** When a call is allowed, where none is by then. */
  readonly untilMs?: MonotonicMs;
}

/** Measured: docs/how-async-takes-what-is-left.md says what it is worth. */
const gain = 0.5;
/** Measured: as above. */
const steepestDecrease = -2;
/** Below one call a sample comes seldom, and a step up is not much. Measured: as above. */
const returnGain = 2;
/** Of what is not used, lost in a round trip. Measured: as above. */
const leak = 0.5;
/** By which small limits grow faster in proportion, so that instances come to equal shares. Measured: as above. */
const fairCallsPerTrip = 0.1;
/** Protocol: llm-d's batch processors halve at a shed. */
const cutFactor = 0.5;
/** Calls at once that are always allowed. Derived: 32 instances at this floor send two calls at once. */
const floor = 1 / 16;
/** After this time without a call nothing is known of the pool any more. Derived: two periods of `CAPACITY_REFRESH_SECONDS`. */
const idleAfterMs = 10_000;
/** Serves where no call has succeeded yet. Learned with the first success. */
const assumedRoundTripMs = 1000;
/** Of the newest call. Derived: the mean spans about the last eight. */
const roundTripWeight = 1 / 8;
/** Derived: below the longest pause of a push subscription (60 s), so that a pool that recovers is found before its messages return. */
const longestRestMs = 30_000;

/** How every pool begins: with one call, in slow start. */
export const freshLimit: Limit = Object.freeze({
  calls: 1,
  isStarting: true,
  cutAtMs: longAgo,
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

/** The calls that a sample was taken of. */
export interface SampledCalls {
  /** Of a round trip, that the sample stands for; in (0, 1]. */
  readonly share: number;
  /** Calls under way, the sampled one included. */
  readonly inFlight: number;
  /** Calls at once, at most. */
  readonly ceiling: number;
}

/** The limit after a sample of the load. */
export function afterSample(
  limit: Limit,
  { congestion, isLoaded }: LoadSample,
  { share, inFlight, ceiling }: SampledCalls,
): Limit {
  const isStarting = limit.isStarting && !isLoaded;
  const next =
    isStarting && congestion <= 1
      ? doubled(limit.calls, share, inFlight)
      : steered(limit.calls, congestion, share, inFlight);
  // The place of a call that has just ended is not taken yet.
  const unused = isStarting ? 0 : Math.max(0, limit.calls - Math.max(1, inFlight + 1));
  return { ...limit, isStarting, calls: Math.max(floor, Math.min(ceiling, next - leak * share * unused)) };
}

/** A limit that is hardly used says nothing about what more would do. */
export function isUsed(calls: number, inFlight: number): boolean {
  return inFlight >= calls / 2;
}

function doubled(calls: number, share: number, inFlight: number): number {
  return isUsed(calls, inFlight) ? calls + calls * share : calls;
}

function steered(calls: number, congestion: number, share: number, inFlight: number): number {
  const room = Math.max(steepestDecrease, Math.min(1, 1 - congestion));
  const step = room > 0 && !isUsed(calls, inFlight) ? 0 : (room > 0 && calls < 1 ? returnGain : gain) * share * room;
  return calls * Math.exp(step) + fairCallsPerTrip * share;
}

/** The limit after the gateway refused a call for want of room. */
export function afterShed(limit: Limit, startedAtMs: MonotonicMs, nowMs: MonotonicMs): Limit {
  if (startedAtMs < limit.cutAtMs) return limit;
  return { ...limit, isStarting: false, calls: Math.max(floor, limit.calls * cutFactor), cutAtMs: nowMs };
}

/** The limit after a call has ended, however. `roundTripMs` where it succeeded. */
export function afterEnd(limit: Limit, nowMs: MonotonicMs, roundTripMs?: number): Limit {
  const ended = { ...limit, lastEndAtMs: nowMs };
  if (roundTripMs === undefined) return ended;
  return { ...ended, roundTripMs: ewma(limit.roundTripMs, roundTripMs, roundTripWeight) };
}

/** The limit after a gate that was closed is open again. */
export function reopened(limit: Limit, inFlight: number): Limit {
  return { ...limit, calls: Math.min(limit.calls, Math.max(1, inFlight)), isStarting: true };
}

/** The limit of a pool that may have been idle: after ten seconds without a call it is not known any more. */
export function afterIdling(limit: Limit, inFlight: number, nowMs: MonotonicMs): Limit {
  const isKnown = inFlight > 0 || limit.calls <= 1 || msBetween(limit.lastEndAtMs, nowMs) < idleAfterMs;
  return isKnown ? limit : { ...limit, calls: 1, isStarting: true };
}
