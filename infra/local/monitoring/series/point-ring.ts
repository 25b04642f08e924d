import type { Point } from './time-series.ts';

const columns = 4;

/** The newest points of one series; the oldest gives way. */
export class PointRing {
  readonly #cells: Float64Array;
  readonly #capacity: number;
  #added = 0;

  /** @param capacity points kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#cells = new Float64Array(capacity * columns);
  }

  /** @param shownFromMs unix milliseconds from which a reader sees the point. */
  add({ startMs, endMs, value }: Point, shownFromMs: number): void {
    this.#cells.set([startMs, endMs, value, shownFromMs], (this.#added % this.#capacity) * columns);
    this.#added += 1;
  }

  /** End of the newest point; −Infinity without one. */
  get lastEndMs(): number {
    return this.#added === 0 ? Number.NEGATIVE_INFINITY : this.#cell(this.#added - 1, 1);
  }

  /** Newest first. */
  *shownAt(asOfMs: number): Generator<Point> {
    const oldest = Math.max(0, this.#added - this.#capacity);
    for (let index = this.#added - 1; index >= oldest; index -= 1) {
      if (this.#cell(index, 3) > asOfMs) continue;
      yield { startMs: this.#cell(index, 0), endMs: this.#cell(index, 1), value: this.#cell(index, 2) };
    }
  }

  #cell(index: number, column: number): number {
    return this.#cells[(index % this.#capacity) * columns + column] ?? Number.NaN;
  }
}
