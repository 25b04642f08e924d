/** Events per second of late, the newer ones weighing more. */
export class RecentRate {
  readonly #nowMs: () => number;
  readonly #memoryMs: number;
  #perSecond = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  /** `memoryMs`: how fast the past fades. */
  constructor(nowMs: () => number, memoryMs = 10_000) {
    this.#nowMs = nowMs;
    this.#memoryMs = memoryMs;
  }

  record(): void {
    this.#perSecond = this.perSecond + 1000 / this.#memoryMs;
    this.#atMs = this.#nowMs();
  }

  get perSecond(): number {
    return this.#perSecond * Math.exp((this.#atMs - this.#nowMs()) / this.#memoryMs);
  }
}
