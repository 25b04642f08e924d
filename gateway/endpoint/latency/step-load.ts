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
 * the prompt tokens, their attention, the context read beside a prompt, and the prompt tokens that cost nothing, since they are computed
 * while the weights are read. Source: the step time of an engine with chunked prefill, as a linear model; the terms are a shape, and have
 * no scale until one is learned.
 */
export function stepTerms({ decodes, contextTokens, promptTokens, promptPairs }: StepLoad): readonly number[] {
  const [context, free] = promptTokens > 0 ? [contextTokens, -1] : [0, 0];
  return [1, decodes, contextTokens, promptTokens, promptPairs, context, free];
}

/**
 * The sum of the terms, each times its weight, without a list of them: for each choice it is asked of each endpoint several times. With
 * prompts a step takes no less than without.
 */
export function weighted(
  weights: readonly number[],
  { decodes, contextTokens, promptTokens, promptPairs }: StepLoad,
): number {
  const ofDecodes = weights[0]! + weights[1]! * decodes + weights[2]! * contextTokens;
  if (promptTokens <= 0) return ofDecodes;
  const ofPrompts = weights[3]! * promptTokens + weights[4]! * promptPairs + weights[5]! * contextTokens - weights[6]!;
  return ofDecodes + Math.max(0, ofPrompts);
}

/** Of the terms above. */
export const termIndex = { promptTokens: 3, promptPairs: 4, contextBesidePrompts: 5, freePromptTokens: 6 } as const;
