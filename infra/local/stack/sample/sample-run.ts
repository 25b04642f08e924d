import { resultTokens } from '../summary/result-tokens.ts';
import type { AsyncFigures } from '../summary/stack-texts.ts';

/** The published sample, and which of its messages have a result. */
export class SampleRun {
  readonly #messages: number;
  readonly #now: () => number;
  readonly #answered = new Set<string>();
  readonly #startedAtMs: number;
  #lastResultAtMs: number;
  #failed = 0;
  #duplicates = 0;
  #tokens = 0;

  /** @param now milliseconds of a clock that never goes back; the run begins at once. */
  constructor(messages: number, now: () => number) {
    this.#messages = messages;
    this.#now = now;
    this.#startedAtMs = now();
    this.#lastResultAtMs = this.#startedAtMs;
  }

  /** True for the first result of a message. */
  takeResult(message: string, failed: boolean, data: string): boolean {
    if (this.#answered.has(message)) {
      this.#duplicates += 1;
      return false;
    }
    this.#answered.add(message);
    this.#lastResultAtMs = this.#now();
    if (failed) this.#failed += 1;
    this.#tokens += resultTokens(data);
    return true;
  }

  get complete(): boolean {
    return this.#answered.size === this.#messages;
  }

  /** Milliseconds since the newest first result. */
  get quietMs(): number {
    return this.#now() - this.#lastResultAtMs;
  }

  get figures(): AsyncFigures {
    const endMs = this.complete ? this.#lastResultAtMs : this.#now();
    return {
      messages: this.#messages,
      answered: this.#answered.size,
      failed: this.#failed,
      duplicates: this.#duplicates,
      tokens: this.#tokens,
      seconds: (endMs - this.#startedAtMs) / 1000,
    };
  }
}
