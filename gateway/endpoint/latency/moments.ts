/**
 * How much the weights of all terms but the first are drawn to zero, as a share of each term's own moment: a term that no sample tells
 * apart from others gets no weight, and what the samples do tell is hardly changed. Derived: far below the error of a sample.
 */
const shrinkage = 1e-5;

/**
 * A term that is this many times what was seen before is no sample: sums of its squares would not stay finite. Derived: its square is
 * within the range of a double.
 */
const mostShare = 1e50;

/** Sums over samples of a linear model, each relative to what was seen, the older ones fading. */
export class Moments {
  readonly size: number;
  /** Σ x·xᵀ / y², by rows. */
  readonly products: Float64Array;
  /** Σ x / y. */
  readonly targets: Float64Array;
  readonly #kept: number;

  /** @param span samples after which one counts for 1/e */
  constructor(size: number, span: number) {
    this.size = size;
    this.products = new Float64Array(size * size);
    this.targets = new Float64Array(size);
    this.#kept = 1 - 1 / span;
  }

  /** A sample that is not finite counts as none. @param seen above 0 */
  add(terms: readonly number[], seen: number): void {
    const { size, products, targets } = this;
    if (!terms.every((term) => Math.abs(term / seen) < mostShare)) return;
    for (let row = 0; row < size; row += 1) {
      const share = terms[row]! / seen;
      targets[row] = targets[row]! * this.#kept + share;
      for (let column = 0; column < size; column += 1) {
        const at = row * size + column;
        products[at] = products[at]! * this.#kept + (share * terms[column]!) / seen;
      }
    }
  }
}

/**
 * Weights ≥ 0 that make the squared relative errors of all samples least: more work never makes an engine faster, whatever a handful of
 * samples says. The normal equations are solved for all terms, then again without the most negative one until none is. Terms that no
 * sample has, or that cannot be told from an earlier one, get 0.
 */
export function nonNegativeWeights(all: readonly Moments[]): readonly number[] {
  const size = all[0]?.size ?? 0;
  const used = Array.from({ length: size }, (_, term) => term).filter((term) =>
    all.some(({ products }) => products[term * size + term]! > 0),
  );
  for (;;) {
    const solution = solve(all, used);
    let lowest = 0;
    for (const [place, weight] of solution.entries()) if (weight < solution[lowest]!) lowest = place;
    if ((solution[lowest] ?? 0) >= 0) {
      const weights = new Array<number>(size).fill(0);
      for (const [place, term] of used.entries()) weights[term] = solution[place]!;
      return weights;
    }
    used.splice(lowest, 1);
  }
}

/** By elimination, on terms scaled to the same size. */
function solve(all: readonly Moments[], used: readonly number[]): readonly number[] {
  const product = (a: number, b: number): number =>
    all.reduce((sum, { products, size }) => sum + products[a * size + b]!, 0);
  const scales = used.map((term) => Math.sqrt(product(term, term)));
  const rows = used.map((term, row) => [
    ...used.map((other, column) => {
      const scaled = product(term, other) / (scales[row]! * scales[column]!);
      return row === column && term > 0 ? scaled * (1 + shrinkage) : scaled;
    }),
    all.reduce((sum, { targets }) => sum + targets[term]!, 0) / scales[row]!,
  ]);
  const count = used.length;
  // Symmetric and positive definite: no pivots are looked for.
  for (let pivot = 0; pivot < count; pivot += 1) {
    for (let row = pivot + 1; row < count; row += 1) {
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let column = pivot; column <= count; column += 1) rows[row]![column]! -= factor * rows[pivot]![column]!;
    }
  }
  const solution = new Array<number>(count).fill(0);
  for (let row = count - 1; row >= 0; row -= 1) {
    let rest = rows[row]![count]!;
    for (let column = row + 1; column < count; column += 1) rest -= rows[row]![column]! * solution[column]!;
    solution[row] = rest / rows[row]![row]!;
  }
  return solution.map((value, place) => value / scales[place]!);
}
