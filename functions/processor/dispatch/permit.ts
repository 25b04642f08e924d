import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import type { UncountedGeneration } from './answer-pace.ts';

/** What became of the call that a place was given for. Gate, limit and breaker learn from this alone. */
export type CallOutcome =
  /** A whole 2xx. The path works and the pool had room; `generation` of a whole answer. */
  | { readonly became: 'success'; readonly generation?: UncountedGeneration }
  /** An answer that blames the request. The path works; room is not told, since nothing may have run. */
  | { readonly became: 'refused' }
  /** The pool had no room and asks to be left alone for this time; 0 when it names no time. The path works. */
  | { readonly became: 'capacity'; readonly retryAfterMs: number }
  /** The path failed; room is not told. */
  | { readonly became: 'failure' }
  /** There was no call, or it says nothing of the pool. */
  | { readonly became: 'ignored' };

/** One call's place in its pool. It is given back once, with what became of the call. */
export class Permit {
  readonly #onEnd: (outcome: CallOutcome, nowMs: MonotonicMs) => void;
  readonly #onToken: (nowMs: MonotonicMs) => void;
  #hasEnded = false;

  /**
   * @param onEnd called once
   * @param onToken called for each token, or few of them, of a stream, until the end
   */
  constructor(
    onEnd: (outcome: CallOutcome, nowMs: MonotonicMs) => void,
    onToken: (nowMs: MonotonicMs) => void = () => {},
  ) {
    this.#onEnd = onEnd;
    this.#onToken = onToken;
  }

  /** A token of the call's answer has come. */
  readonly token = (nowMs: MonotonicMs): void => {
    if (!this.#hasEnded) this.#onToken(nowMs);
  };

  /** Gives the place back. Only the first end counts. */
  end(outcome: CallOutcome, nowMs: MonotonicMs): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd(outcome, nowMs);
  }
}
