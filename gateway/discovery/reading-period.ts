/** Share of an endpoint's time that the reading of its page may cost. Protocol: contract §7, `METRICS_REFRESH_MS`. */
const largestShare = 0.01;
/** The longest period, however long a page takes: an older reading says nothing of a load. Derived: requests stay for seconds. */
const longestPeriodMs = 10_000;
/**
 * The age, in periods, up to which a reading counts: a busy engine answers late. Derived: a page may take as long as two long steps, and
 * one may be lost.
 */
const staleAfterPeriods = 4;
/** The cost of a page is the least of the last readings: what took longer waited for something else. Derived: four seconds at the usual period. */
const readings = 16;
/** Fewer say nothing of it: the first ones open connections, and meet processes that have just started. Derived: half of the above. */
const fewestReadings = 8;

/** How often the page of one endpoint is read: the time that it takes it is at most a hundredth of the time between. */
export class ReadingPeriod {
  readonly #refreshMs: number;
  readonly #tookMs: number[] = [];

  /** @param refreshMs how often it is read at most */
  constructor(refreshMs: number) {
    this.#refreshMs = refreshMs;
  }

  /** A page has come. @param tookMs from the request to its end */
  record(tookMs: number): void {
    this.#tookMs.push(tookMs);
    if (this.#tookMs.length > readings) this.#tookMs.shift();
  }

  /** From the beginning of one reading to the next. */
  get ms(): number {
    const costMs = this.#tookMs.length < fewestReadings ? 0 : Math.min(...this.#tookMs);
    return Math.max(this.#refreshMs, Math.min(longestPeriodMs, costMs / largestShare));
  }

  /** How long a reading counts. */
  get freshForMs(): number {
    return staleAfterPeriods * this.ms;
  }
}
