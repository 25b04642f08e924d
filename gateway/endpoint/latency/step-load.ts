/** What an engine computes in one step. */
export interface StepLoad {
  /** Requests that generate: one token each. */
  readonly decodes: number;
  /** Tokens that those hold in the KV cache. */
  readonly contextTokens: number;
  /** Prompt tokens that are computed, without those that are cached. */
  readonly promptTokens: number;
  /** Pairs of those tokens and the ones that each attends to. */
  readonly promptPairs: number;
}

/** Tokens of an answer where the request does not limit it lower. Measured: about the mean of chats in the Azure 2023 traces. */
export const usualOutputTokens = 200;

/** Pairs of tokens that the attention of a prompt computes, of which some are cached. Whole numbers. */
export function attentionPairs(uncachedTokens: number, cachedTokens: number): number {
  return Math.round(uncachedTokens * (cachedTokens + uncachedTokens / 2));
}

/**
 * What the time of a step is made of, one term each: the step itself (reading the weights), its decodes, the context that they read,
 * the prompt tokens, their attention, and the context read beside a prompt. Source: the step time of an engine with chunked prefill,
 * as a linear model; the terms are a shape, and have no scale until one is learned.
 */
export function stepTerms({ decodes, contextTokens, promptTokens, promptPairs }: StepLoad): readonly number[] {
  return [1, decodes, contextTokens, promptTokens, promptPairs, promptTokens > 0 ? contextTokens : 0];
}

/** The sum of the terms, each times its weight, without a list of them: for each choice it is asked of each endpoint several times. */
export function weighted(
  weights: readonly number[],
  { decodes, contextTokens, promptTokens, promptPairs }: StepLoad,
): number {
  const ofPrompts = promptTokens > 0 ? weights[5]! * contextTokens : 0;
  const ofDecodes = weights[0]! + weights[1]! * decodes + weights[2]! * contextTokens;
  return ofDecodes + weights[3]! * promptTokens + weights[4]! * promptPairs + ofPrompts;
}

/** Of the terms above. */
export const termIndex = { promptTokens: 3, promptPairs: 4, contextBesidePrompts: 5 } as const;
