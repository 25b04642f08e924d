/** How fast the past fades. */
const memoryMs = 10_000;

/** Events per second of late, the newer ones weighing more. */
export class RecentRate {
  readonly #nowMs: () => number;
  #perSecond = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  record(): void {
    this.#perSecond = this.perSecond + 1000 / memoryMs;
    this.#atMs = this.#nowMs();
  }

  get perSecond(): number {
    return this.#perSecond * Math.exp((this.#atMs - this.#nowMs()) / memoryMs);
  }
}
