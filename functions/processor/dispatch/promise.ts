import { overUnloaded, usualPromise } from '../../../shared/inference-gateway/usual-promise.ts';
import { ewma } from '../../../shared/runtime/ewma.ts';

/** What real-time work is promised beside us, in milliseconds. */
export interface Targets {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** What the pool's own answers take while it is idle; undefined where none was seen. */
export type Unloaded = { readonly [time in keyof Targets]: number | undefined };

/** Of the newest answer. Derived: the mean spans about the last eight. */
const weight = 1 / 8;

/** Before any answer. */
export const nothingUnloaded: Unloaded = Object.freeze({ ttftMs: undefined, tpotMs: undefined });

/**
 * What an answer takes of an idle pool, after one more. A quicker one is believed at once; a slower one only where `isIdle`, and by an
 * eighth: it may have met load.
 */
export function nextUnloaded(before: number | undefined, tookMs: number, isIdle: boolean): number | undefined {
  if (before !== undefined && tookMs < before) return tookMs;
  if (!isIdle) return before;
  return before === undefined ? tookMs : ewma(before, tookMs, weight);
}

/** What is promised, or what the pool can keep while it is idle. */
export function targetsOf({ ttftMs = 0, tpotMs = 0 }: Unloaded): Targets {
  return {
    ttftMs: Math.max(usualPromise.ttftMs, overUnloaded * ttftMs),
    tpotMs: Math.max(usualPromise.tpotMs, overUnloaded * tpotMs),
  };
}
