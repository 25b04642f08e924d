import { longestTimerMs } from './config/variables.ts';

declare const monotonic: unique symbol;
declare const wall: unique symbol;

/** An instant in milliseconds on a clock that never goes back. Only differences between two of them mean anything. */
export type MonotonicMs = number & { readonly [monotonic]: true };

/** An instant in unix milliseconds. The clock behind it may be set, forwards and back. */
export type UnixMs = number & { readonly [wall]: true };

/** For durations: periods, waits, intervals, timeouts. Passed in, so that tests and simulations wind it by hand. */
export interface MonotonicClock {
  nowMs(): MonotonicMs;
  /** Runs `task` once, after the delay, at most 24 days. Returns what cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

/** For deadlines and timestamps alone. */
export interface WallClock {
  unixMs(): UnixMs;
}

/** The instant that lies `ms` after `instant`, on the same clock. */
export function later<T extends MonotonicMs | UnixMs>(instant: T, ms: number): T {
  return (instant + ms) as T;
}

/** Before and after every instant of either clock. */
export const longAgo = Number.NEGATIVE_INFINITY as MonotonicMs & UnixMs;
/** After every instant of either clock. */
export const never = Number.POSITIVE_INFINITY as MonotonicMs & UnixMs;

/** The first of some instants of one clock; `never` of none. */
export function earliest<T extends MonotonicMs | UnixMs>(...instants: readonly T[]): T {
  return Math.min(...instants) as T;
}

/** The last of some instants of one clock; `longAgo` of none. */
export function latest<T extends MonotonicMs | UnixMs>(...instants: readonly T[]): T {
  return Math.max(...instants) as T;
}

/** Milliseconds from one instant to another on the same clock. */
export function msBetween<T extends MonotonicMs | UnixMs>(from: T, to: T): number {
  return to - from;
}

const turnOver = Promise.resolve();
let turnAtMs: MonotonicMs | undefined;
const endTurn = (): void => {
  turnAtMs = undefined;
};

/** What happens in one turn of the event loop happens at one moment: a request asks for the time some forty times. */
export const monotonicClock: MonotonicClock = {
  nowMs: () => {
    if (turnAtMs === undefined) {
      turnAtMs = performance.now() as MonotonicMs;
      void turnOver.then(endTurn);
    }
    return turnAtMs;
  },
  after: (delayMs, task) => {
    // A longer one would be over at once.
    const timer = setTimeout(task, Math.min(delayMs, longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** The machine's wall clock, which may be set. */
export const wallClock: WallClock = { unixMs: () => Date.now() as UnixMs };
