/** How far one sample moves the estimate, as a share of it. Derived: fifty samples on one side move it by a factor of e. */
const step = 0.02;
/** One that sank or rose without a bound would be as long in coming back. Derived: what is estimated lies near 1, or in milliseconds. */
const [least, most] = [0.1, 1000];

/** A quantile of positive numbers, followed without keeping them: up a little for each sample above, down for each below. */
export class QuantileEstimate {
  readonly #quantile: number;
  readonly #firstSamples: number;
  #value: number;
  readonly #first: number[] = [];

  /**
   * @param initial what it is before any sample
   * @param firstSamples number of first samples to keep: after the last of them the estimate is their quantile. For a quantity that may lie far
   * from `initial`, which single steps would reach late
   */
  constructor(quantile: number, initial: number, firstSamples = 0) {
    this.#quantile = quantile;
    this.#value = initial;
    this.#firstSamples = firstSamples;
  }

  get value(): number {
    return this.#value;
  }

  learn(sample: number): void {
    if (Number.isNaN(sample)) return;
    const next = this.#quantileOfFirst(sample) ?? this.#steppedTo(sample);
    this.#value = Math.min(most, Math.max(least, next));
  }

  /** With the last of the first samples; undefined before and after. */
  #quantileOfFirst(sample: number): number | undefined {
    if (this.#first.length >= this.#firstSamples) return undefined;
    this.#first.push(sample);
    if (this.#first.length < this.#firstSamples) return undefined;
    return this.#first.sort((a, b) => a - b)[Math.floor((this.#firstSamples - 1) * this.#quantile)];
  }

  #steppedTo(sample: number): number {
    return this.#value * (1 + step * (sample > this.#value ? this.#quantile : this.#quantile - 1));
  }
}
