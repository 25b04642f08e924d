import type { Ranked } from './waiting-queue.ts';

/** What an engine must know of a request. Callers may hang more on it and find it again on the sequence. */
export interface EngineRequest {
  /** At least 1. */
  readonly promptTokens: number;
  /** How many tokens it will generate; 0 computes the prompt and no more, as for an embedding. */
  readonly outputTokens: number;
  /**
   * One whole number ≥ 0 for each full block of prompt and output, in order, equal only where everything up to the block's
   * end is equal. It may end early: blocks beyond are shared with no other sequence.
   */
  readonly blockHashes: readonly number[];
  /** Lower goes first; it counts only under the policy `priority`. */
  readonly priority: number;
}

/** waiting → running → finished, back to waiting when preempted, and aborted from anywhere. */
export type SequenceState = 'waiting' | 'running' | 'finished' | 'aborted';

/** A request inside an engine. The engine alone changes it. */
export class Sequence<R extends EngineRequest> implements Ranked {
  readonly request: R;
  readonly rank: number;
  readonly arrival: number;
  state: SequenceState = 'waiting';
  /** Tokens known: the prompt and what has been generated. */
  tokens: number;
  /** Of those, how many are in the KV cache. */
  computedTokens = 0;
  generatedTokens = 0;
  /** What the present step computes of it. */
  scheduledTokens = 0;
  /** KV blocks held, in the order of the text. */
  readonly blocks: number[] = [];
  /** Prompt tokens that were found in the prefix cache when it first started. */
  cachedTokens = 0;
  /** When it first started; undefined while it has only waited. */
  startedAtMs: number | undefined = undefined;

  constructor(request: R, rank: number, arrival: number) {
    this.request = request;
    this.rank = rank;
    this.arrival = arrival;
    this.tokens = request.promptTokens;
  }
}
