import {
  type MonotonicClock,
  type MonotonicMs,
  monotonicClock,
  type WallClock,
  wallClock,
} from '../../../shared/runtime/clock.ts';

/** The wall tells publish times and the life of tokens, the monotonic clock leases, backoffs and pauses. */
export type ServerClock = MonotonicClock & WallClock;

const startedAtMs = wallClock.unixMs() - monotonicClock.nowMs();

/**
 * Its monotonic instants are whole milliseconds, and count on from the wall clock's time at the start: kept with the data, they mean
 * the same to the next server, and setting the clock while a server runs moves no lease.
 */
export const serverClock: ServerClock = {
  nowMs: () => Math.floor(startedAtMs + monotonicClock.nowMs()) as MonotonicMs,
  after: monotonicClock.after,
  unixMs: wallClock.unixMs,
};
