const capacity = 256;

/** The last gaps between two chunks of one stream, over all streams of an endpoint: its step times, sampled by its answers. */
export class RecentGaps {
  readonly #gapsMs = new Float64Array(capacity);
  readonly #atMs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
  #next = 0;

  record(gapMs: number, atMs: number): void {
    this.#gapsMs[this.#next] = gapMs;
    this.#atMs[this.#next] = atMs;
    this.#next = (this.#next + 1) % capacity;
  }

  /** Milliseconds each, in no order: at most the last 256. */
  since(atMs: number): number[] {
    const gaps: number[] = [];
    for (let index = 0; index < capacity; index += 1) {
      if (this.#atMs[index]! >= atMs) gaps.push(this.#gapsMs[index]!);
    }
    return gaps;
  }
}
