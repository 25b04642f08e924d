import type { Clock } from './engine/paced-engine.ts';

/** What requests cost on the one core of the API server. */
export interface FrontEndOptions {
  readonly clock: Clock;
  /** How many times faster than the modelled one. */
  readonly speed: number;
  /** What a request without a prompt takes, in milliseconds of the core; 0 switches requests off. */
  readonly requestMs: number;
  /** What a page of metrics takes, in milliseconds of the core; 0 switches pages off. */
  readonly metricsMs: number;
}

/**
 * What a prompt's tokens add, as a share of the request's own time: templates and tokenizing. Measured: a vLLM 0.32 on one core took
 * 2 ms for a short chat, 8 ms for one of 2,000 tokens, 13 ms for one of 3,500.
 */
const sharePerToken = 0.0016;

/** No timer waits for less. */
const timerGrainMs = 1;

/**
 * vLLM's API server: one core, on which every request is read and tokenized, and every page of metrics is made, one after another. What
 * waits here is not in the engine yet: the page says "waiting 0" meanwhile.
 */
export class FrontEnd {
  readonly #options: FrontEndOptions;
  readonly #queue: { readonly endsAtMs: number; readonly done: () => void }[] = [];
  /** When the core is done with all that came so far. */
  #freeAtMs = 0;
  #cancel = () => {};

  constructor(options: FrontEndOptions) {
    this.#options = options;
  }

  /** Resolves when the request may go to the engine. */
  takeRequest(promptTokens: number): Promise<void> {
    return this.#spend(this.#options.requestMs * (1 + sharePerToken * promptTokens));
  }

  /** Resolves when the page is made. */
  takePage(): Promise<void> {
    return this.#spend(this.#options.metricsMs);
  }

  /** Nothing that waits now is ever done. */
  stop(): void {
    this.#cancel();
  }

  async #spend(costMs: number): Promise<void> {
    if (costMs === 0) return;
    const nowMs = this.#options.clock.nowMs();
    const endsAtMs = Math.max(this.#freeAtMs, nowMs) + costMs / this.#options.speed;
    this.#freeAtMs = endsAtMs;
    if (this.#queue.length === 0 && endsAtMs - nowMs < timerGrainMs) return;
    await new Promise<void>((done) => {
      this.#queue.push({ endsAtMs, done });
      if (this.#queue.length === 1) this.#wait(endsAtMs - nowMs);
    });
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => {
      const nowMs = this.#options.clock.nowMs();
      while (this.#queue[0] && this.#queue[0].endsAtMs <= nowMs) this.#queue.shift()!.done();
      const [next] = this.#queue;
      if (next) this.#wait(next.endsAtMs - nowMs);
    });
  }
}
