export interface LeastSquaresOptions {
  /** Weights to begin with: what is believed without a sample. */
  readonly weights: readonly number[];
  /** How far each may be off, in the same order and unit: one standard deviation. */
  readonly deviations: readonly number[];
  /** Share of what was learned that one sample makes forgotten, in (0, 1): without samples that say more, weights go back to the first ones. */
  readonly forgetting: number;
}

/** Variance of a sample around the model: samples come scaled to an error of about a fifth. */
const noise = 0.04;
/** Setting one weight to zero may turn another negative. */
const mostProjections = 8;

/**
 * A linear model that is learned sample by sample: recursive least squares, as a Kalman filter whose weights are drawn back to where
 * they began, so that what no sample tells of stays as it was believed. Weights stay at zero or above, the others moving with them as
 * their covariance says: more work never makes an engine faster, whatever a handful of samples says. Where a number is no longer finite it
 * begins anew. A sample costs n² multiplications, a prediction n.
 */
export class LeastSquares {
  readonly weights: Float64Array;
  readonly #options: LeastSquaresOptions;
  readonly #covariance: Float64Array;
  readonly #gain: Float64Array;

  constructor(options: LeastSquaresOptions) {
    const size = options.weights.length;
    this.#options = options;
    this.weights = new Float64Array(size);
    this.#covariance = new Float64Array(size * size);
    this.#gain = new Float64Array(size);
    this.#begin();
  }

  predict(features: readonly number[]): number {
    let sum = 0;
    for (let index = 0; index < features.length; index += 1) sum += this.weights[index]! * features[index]!;
    return sum;
  }

  /** `scale` is the size of an error that would be five times the usual one, in the target's unit. */
  learn(features: readonly number[], target: number, scale: number): void {
    this.#forget();
    const { weights } = this;
    const gain = this.#gain;
    const covariance = this.#covariance;
    const size = weights.length;
    let spread = noise;
    for (let row = 0; row < size; row += 1) {
      let sum = 0;
      for (let column = 0; column < size; column += 1) sum += covariance[row * size + column]! * features[column]!;
      gain[row] = sum / scale;
      spread += (gain[row]! * features[row]!) / scale;
    }
    const error = (target - this.predict(features)) / scale;
    for (let row = 0; row < size; row += 1) weights[row]! += (gain[row]! / spread) * error;
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column <= row; column += 1) {
        const kept = covariance[row * size + column]! - (gain[row]! * gain[column]!) / spread;
        covariance[row * size + column] = kept;
        covariance[column * size + row] = kept;
      }
    }
    this.#liftToZero();
    if (!this.#isFinite) this.#begin();
  }

  /** Nothing is known but what was believed before the first sample. */
  #begin(): void {
    const { weights, deviations } = this.#options;
    const size = weights.length;
    this.weights.set(weights);
    this.#covariance.fill(0);
    for (let row = 0; row < size; row += 1) this.#covariance[row * size + row] = deviations[row]! ** 2;
  }

  get #isFinite(): boolean {
    let sum = 0;
    for (const weight of this.weights) sum += weight;
    for (const each of this.#covariance) sum += each;
    return Number.isFinite(sum);
  }

  #forget(): void {
    const { weights, deviations, forgetting } = this.#options;
    const kept = (1 - forgetting) ** 2;
    const size = weights.length;
    for (let row = 0; row < size; row += 1) {
      this.weights[row]! += forgetting * (weights[row]! - this.weights[row]!);
      for (let column = 0; column < size; column += 1) this.#covariance[row * size + column]! *= kept;
      this.#covariance[row * size + row]! += (1 - kept) * deviations[row]! ** 2;
    }
  }

  #liftToZero(): void {
    const { weights } = this;
    const covariance = this.#covariance;
    const size = weights.length;
    for (let projection = 0; projection < mostProjections; projection += 1) {
      let lowest = 0;
      for (let row = 1; row < size; row += 1) if (weights[row]! < weights[lowest]!) lowest = row;
      const below = weights[lowest]!;
      if (below >= 0) return;
      const variance = covariance[lowest * size + lowest]!;
      for (let row = 0; row < size; row += 1) weights[row]! -= (covariance[row * size + lowest]! / variance) * below;
      weights[lowest] = 0;
    }
    for (let row = 0; row < size; row += 1) weights[row] = Math.max(0, weights[row]!);
  }
}
