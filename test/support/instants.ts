import type { MonotonicMs, UnixMs } from '../../shared/runtime/clock.ts';

/** An instant of the monotonic clock, for tables of plain numbers. */
export const mono = (ms: number): MonotonicMs => ms as MonotonicMs;

/** An instant of the wall clock, for tables of plain numbers. */
export const unix = (ms: number): UnixMs => ms as UnixMs;
