import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import type { CallGeneration } from './answer-pace.ts';

/** What became of the call that a place was given for. Gate, limit and breaker learn from this alone. */
export type CallOutcome =
  /** A whole 2xx. The path works and the pool had room; `generation` where the answer counts its tokens. */
  | { readonly became: 'success'; readonly generation?: CallGeneration }
  /** An answer that blames the request. The path works; room is not told, since nothing may have run. */
  | { readonly became: 'refused' }
  /** The pool had no room and asks to be left alone for this time; 0 when it names no time. The path works. */
  | { readonly became: 'capacity'; readonly retryAfterMs: number }
  /** The path failed; room is not told. */
  | { readonly became: 'failure' }
  /** There was no call, or it says nothing of the pool. */
  | { readonly became: 'ignored' };

/** What a place's pool hears of its call. */
export interface PermitListener {
  /** A token of the answer has come. */
  token(nowMs: MonotonicMs): void;
  /** Called once. */
  end(outcome: CallOutcome, nowMs: MonotonicMs): void;
}

/** One call's place in its pool. It is given back once, with what became of the call. */
export class Permit {
  readonly #pool: PermitListener;
  #hasEnded = false;

  constructor(pool: PermitListener) {
    this.#pool = pool;
  }

  /** A token of the call's answer has come. */
  token(nowMs: MonotonicMs): void {
    if (!this.#hasEnded) this.#pool.token(nowMs);
  }

  /** Gives the place back. Only the first end counts. */
  end(outcome: CallOutcome, nowMs: MonotonicMs): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#pool.end(outcome, nowMs);
  }
}
