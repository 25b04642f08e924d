import { type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';

/** Each bucket ends a tenth above the one before: a quantile is known to a tenth. Derived: nearer than calls of one kind are to each other. */
const ratio = 1.1;
/** Derived: the last bucket begins beyond a day. */
const buckets = 1 + Math.ceil(Math.log(86_400_000) / Math.log(ratio));
/** What was recorded is forgotten after one to two of these, so that a change of pace is seen within minutes. Derived from that. */
const generationMs = 150_000;

interface Generation {
  readonly sinceMs: MonotonicMs;
  readonly counts: Uint32Array;
  total: number;
}

/**
 * How long things of one kind took in the last two and a half to five minutes: counts by logarithmic buckets, in two generations of which
 * the older is dropped as a whole. It takes two kilobytes, whatever is recorded.
 */
export class Durations {
  #current: Generation | undefined;
  #previous: Generation | undefined;

  /** @param ms at least 0 */
  record(ms: number, nowMs: MonotonicMs): void {
    const before = this.#current;
    const ageMs = before ? msBetween(before.sinceMs, nowMs) : Number.POSITIVE_INFINITY;
    let current = before;
    if (!current || ageMs >= generationMs) {
      this.#previous = ageMs < 2 * generationMs ? before : undefined;
      current = { sinceMs: nowMs, counts: new Uint32Array(buckets), total: 0 };
      this.#current = current;
    }
    const bucket = ms <= 1 ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(ms) / Math.log(ratio)));
    current.counts[bucket]! += 1;
    current.total += 1;
  }

  /** How many are remembered now; 0 when the newest is five minutes old. */
  known(nowMs: MonotonicMs): number {
    if (!this.#current || msBetween(this.#current.sinceMs, nowMs) >= 2 * generationMs) return 0;
    return this.#total;
  }

  /**
   * The milliseconds that this share, above 0 and at most 1, of all that are remembered did not exceed, as the bounds of a tenth's width
   * between which they lie; undefined before the first. What is remembered stays until something newer is recorded: see `known`.
   */
  quantile(share: number): { readonly leastMs: number; readonly mostMs: number } | undefined {
    const rank = Math.ceil(share * this.#total);
    if (rank === 0) return undefined;
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      seen += (this.#current?.counts[bucket] ?? 0) + (this.#previous?.counts[bucket] ?? 0);
      if (seen >= rank) return { leastMs: bucket === 0 ? 0 : ratio ** (bucket - 1), mostMs: ratio ** bucket };
    }
    return undefined;
  }

  get #total(): number {
    return (this.#current?.total ?? 0) + (this.#previous?.total ?? 0);
  }
}
