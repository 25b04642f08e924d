const windowMs = 60_000;
const sampleEveryMs = 1000;

interface Sample {
  readonly atMs: number;
  readonly answered: number;
}

/** How fast results come: over the last minute, from samples a second apart. */
export class Pace {
  readonly #samples: Sample[] = [];
  #newest: Sample;
  #changedAtMs: number;

  /** @param nowMs milliseconds of a clock that never goes back, as everywhere here */
  constructor(nowMs: number, answered: number) {
    this.#newest = { atMs: nowMs, answered };
    this.#changedAtMs = nowMs;
    this.#samples.push(this.#newest);
  }

  record(nowMs: number, answered: number): void {
    if (answered !== this.#newest.answered) this.#changedAtMs = nowMs;
    this.#newest = { atMs: nowMs, answered };
    if (nowMs - (this.#samples.at(-1)?.atMs ?? 0) >= sampleEveryMs) this.#samples.push(this.#newest);
    while (nowMs - (this.#samples[1]?.atMs ?? nowMs) >= windowMs) this.#samples.shift();
  }

  /** Results per second as of the last record; 0 while none came. */
  get perSecond(): number {
    const oldest = this.#samples[0] ?? this.#newest;
    const elapsedMs = this.#newest.atMs - oldest.atMs;
    return elapsedMs > 0 ? ((this.#newest.answered - oldest.answered) * 1000) / elapsedMs : 0;
  }

  /** Milliseconds without a new result, as of the last record. */
  get quietMs(): number {
    return this.#newest.atMs - this.#changedAtMs;
  }
}
