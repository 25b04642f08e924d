/**
 * An exponentially weighted moving average moved by one sample: mean + weight · (sample − mean).
 * With a weight in (0, 1] it spans about the last 1 / weight samples.
 */
export function ewma(mean: number, sample: number, weight: number): number {
  return mean + weight * (sample - mean);
}

/** A moving average, and of how many samples. */
export interface Ewma {
  readonly mean: number;
  readonly samples: number;
}

/** Before any sample. */
export const noSamples: Ewma = Object.freeze({ mean: 0, samples: 0 });

/** Takes in one more sample: the first 1 / weight samples all weigh alike, so that the very first does not linger. */
export function withSample({ mean, samples }: Ewma, sample: number, weight: number): Ewma {
  return { mean: ewma(mean, sample, Math.max(weight, 1 / (samples + 1))), samples: samples + 1 };
}

/**
 * What is left of a value after `elapsedMs`: value · e^(−elapsed / memory). No time, or less than none, leaves it as it is.
 * A half-life is 0.69 (ln 2) of the memory.
 */
export function decayed(value: number, elapsedMs: number, memoryMs: number): number {
  return value * Math.exp(-Math.max(0, elapsedMs) / memoryMs);
}

/** A sum whose older parts fade: 1/e of each is left after `memoryMs`. Times are of any clock that does not go back. */
export class FadingSum {
  readonly #memoryMs: number;
  #sum = 0;
  #atMs = 0;

  constructor(memoryMs: number) {
    this.#memoryMs = memoryMs;
  }

  add(amount: number, nowMs: number): void {
    this.#sum = this.at(nowMs) + amount;
    this.#atMs = nowMs;
  }

  /** What is left of it; changes nothing. */
  at(nowMs: number): number {
    return decayed(this.#sum, nowMs - this.#atMs, this.#memoryMs);
  }
}

/** Events per second, the newer ones weighing more. Times are of any clock that does not go back. */
export class RecentRate {
  /** One event adds what counts as one altogether while it fades. */
  readonly #each: number;
  readonly #perSecond: FadingSum;

  /** After `memoryMs` without an event the rate is 1/e of what it was. */
  constructor(memoryMs: number) {
    this.#each = 1000 / memoryMs;
    this.#perSecond = new FadingSum(memoryMs);
  }

  record(nowMs: number): void {
    this.#perSecond.add(this.#each, nowMs);
  }

  /** 0 when nothing was ever recorded. */
  perSecond(nowMs: number): number {
    return this.#perSecond.at(nowMs);
  }
}
