import type { AsyncFigures } from '../figures.ts';

/** Counts what an async backlog gets. Tokens count as long as the experiment lasts. */
export class AsyncTally {
  readonly #endsAtMs: number;
  #tokens = 0;
  #served = 0;
  #refused = 0;
  #evicted = 0;
  #lost = 0;
  #wastedTokens = 0;
  readonly #servedBySecond: number[] = [];

  constructor(endsAtMs: number) {
    this.#endsAtMs = endsAtMs;
  }

  served(nowMs: number, tokens: number): void {
    if (nowMs > this.#endsAtMs) return;
    const second = Math.floor(nowMs / 1000);
    while (this.#servedBySecond.length <= second) this.#servedBySecond.push(0);
    this.#servedBySecond[second]! += 1;
    this.#served += 1;
    this.#tokens += tokens;
  }

  /** @param generatedTokens thrown away with it */
  refused(code: string, generatedTokens: number): void {
    if (code === 'evicted') this.#evicted += 1;
    else this.#refused += 1;
    this.#wastedTokens += generatedTokens;
  }

  lost(): void {
    this.#lost += 1;
  }

  figures(seconds: number): AsyncFigures {
    return {
      tokensPerSecond: this.#tokens / seconds,
      served: this.#served,
      refused: this.#refused,
      evicted: this.#evicted,
      lost: this.#lost,
      wastedTokens: this.#wastedTokens,
      servedBySecond: this.#servedBySecond,
    };
  }
}
