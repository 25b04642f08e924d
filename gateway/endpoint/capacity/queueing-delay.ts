/** Of a new first token in the mean. Derived: ten of them, a second of traffic on a busy endpoint. */
const newestWeight = 0.1;
/**
 * What first tokens told of queueing fades while none comes: an endpoint that no client streams from is not full for ever. Derived: twice
 * the usual promise of a first token.
 */
const halfLifeMs = 2000;

/** By how much first tokens come later than with no other prompt before them: a mean over some ten. */
export class QueueingDelay {
  #meanMs = 0;
  #atMs = 0;

  record(queuedMs: number, nowMs: number): void {
    const usualMs = this.at(nowMs);
    this.#meanMs = usualMs + (queuedMs - usualMs) * newestWeight;
    this.#atMs = nowMs;
  }

  /** In milliseconds; changes nothing. */
  at(nowMs: number): number {
    return this.#meanMs * 0.5 ** ((nowMs - this.#atMs) / halfLifeMs);
  }
}
