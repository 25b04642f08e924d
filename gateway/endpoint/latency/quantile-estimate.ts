/** How far one sample moves the estimate, as a share of it. Derived: fifty samples on one side move it by a factor of e. */
const step = 0.02;
/** One that sank or rose without a bound would be as long in coming back. Derived: what is estimated lies near 1, or in milliseconds. */
const [least, most] = [0.1, 1000];

/** A quantile of positive numbers, followed without keeping them: up a little for each sample above, down for each below. */
export class QuantileEstimate {
  readonly #quantile: number;
  #value: number;

  constructor(quantile: number, initial: number) {
    this.#quantile = quantile;
    this.#value = initial;
  }

  get value(): number {
    return this.#value;
  }

  learn(sample: number): void {
    if (Number.isNaN(sample)) return;
    const next = this.#value * (1 + step * (sample > this.#value ? this.#quantile : this.#quantile - 1));
    this.#value = Math.min(most, Math.max(least, next));
  }
}
