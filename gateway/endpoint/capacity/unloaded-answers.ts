/** With so few requests an engine is about as fast as with one. Protocol: contract §6, the first limit of one that nothing is known of. */
export const lightLoad = 8;
/** Weight of the newest answer: the mean spans about the last sixteen. Derived: a busy endpoint has as many within a few seconds. */
const newestWeight = 1 / 16;

/** What is timed: the first byte that follows a prompt, or each token of an answer that comes whole. */
export type TimedPart = 'first byte' | 'token';

/** An answer, or the part of it that has come. */
export interface TimedAnswer {
  readonly part: TimedPart;
  /** At least 1; of a first byte, 1. */
  readonly tokens: number;
  /** Requests of ours that were there when its request came, that one included. */
  readonly load: number;
  /** From its dispatch. */
  readonly tookMs: number;
}

/** How long answers take while the engine holds little, as they show it themselves: it tells where no steps are seen. */
export class UnloadedAnswers {
  readonly #means: Record<TimedPart, { ms: number; answers: number }> = {
    'first byte': { ms: 0, answers: 0 },
    token: { ms: 0, answers: 0 },
  };

  record({ part, tokens, load, tookMs }: TimedAnswer): void {
    if (load > lightLoad) return;
    const mean = this.#means[part];
    mean.answers += 1;
    mean.ms += (tookMs / tokens - mean.ms) * Math.max(newestWeight, 1 / mean.answers);
  }

  /** Milliseconds that `tokens` tokens take; 0 where no answer has told. */
  expectedMs({ part, tokens }: Pick<TimedAnswer, 'part' | 'tokens'>): number {
    return this.#means[part].ms * tokens;
  }
}
