/** What a request would meet on an endpoint, as far as the gateway knows: its own work there, and what the last reading tells of others. */
export interface LoadFeatures {
  /** Prompt tokens that are to be computed there before the request's own. */
  readonly aheadTokens: number;
  /** Pairs of those tokens and the ones that each attends to. */
  readonly aheadPairs: number;
  /** Prompt tokens of the request itself that are to be computed. */
  readonly uncachedTokens: number;
  /** Those of its prompt that should be in the prefix cache. */
  readonly cachedTokens: number;
  /** Requests that generate there. */
  readonly decodes: number;
  /** Tokens that those hold in the KV cache. */
  readonly contextTokens: number;
  /** By how many tokens the prompts would exceed the KV cache: those wait until others are done. */
  readonly overflowTokens: number;
}

/** Tokens of an answer where the request does not limit it lower. Measured: about the mean of chats in the Azure 2023 traces. */
export const usualOutputTokens = 200;

/** What a request met on the average, from what it met when it came and what another would meet when it was done. */
export function meanFeatures(before: LoadFeatures, after: LoadFeatures): LoadFeatures {
  return {
    ...before,
    aheadTokens: (before.aheadTokens + after.aheadTokens) / 2,
    aheadPairs: (before.aheadPairs + after.aheadPairs) / 2,
    decodes: (before.decodes + after.decodes) / 2,
    contextTokens: (before.contextTokens + after.contextTokens) / 2,
  };
}

/** Pairs of tokens that the attention of a prompt computes, of which some are cached. Whole numbers. */
export function attentionPairs(uncachedTokens: number, cachedTokens: number): number {
  return Math.round(uncachedTokens * (cachedTokens + uncachedTokens / 2));
}

/**
 * What the time to the first token is made of, one term each: the steps that run anyway; matrix products over the prompt tokens ahead
 * and the request's own; their attention; what decodes and their context add to each step that the prefill takes; and the wait for memory.
 * Source: the step time of an engine with chunked prefill, as a linear model.
 */
export function ttftFeatures(features: LoadFeatures): readonly number[] {
  const { aheadTokens, aheadPairs, uncachedTokens, cachedTokens, decodes, contextTokens, overflowTokens } = features;
  const prefillTokens = (aheadTokens + uncachedTokens) / 1000;
  return [
    1,
    prefillTokens,
    (aheadPairs + attentionPairs(uncachedTokens, cachedTokens)) / 1e6,
    decodes / 100,
    contextTokens / 1e5,
    (prefillTokens * contextTokens) / 1e5,
    overflowTokens / 1000,
  ];
}

/** What a token's step is made of while the request generates: the weights, its batch, the context that is read, the prefills of others. */
export function tpotFeatures(features: LoadFeatures): readonly number[] {
  const { aheadTokens, uncachedTokens, cachedTokens, decodes, contextTokens } = features;
  return [1, (decodes + 1) / 100, (contextTokens + cachedTokens + uncachedTokens) / 1e5, aheadTokens / 1000];
}

/** Milliseconds per feature of an H100 with an 8B model: what is believed of an engine before anything is measured. */
export const nominalTtftWeights: readonly number[] = [15, 25, 1.8, 1, 8, 1, 10];
export const nominalTpotWeights: readonly number[] = [8, 1, 6, 1];

/**
 * By what to multiply a predicted time per token, as streams show the endpoint at this moment: where tokens take twice as long as the
 * model says of what runs there, they will for a newcomer. From ½ to 2.
 * @param seenTpotMs milliseconds a token, as the gaps between chunks tell; undefined where nothing tells
 * @param modelledTpotMs as the model says for the same moment
 */
export function tpotCorrection(seenTpotMs: number | undefined, modelledTpotMs: number): number {
  return seenTpotMs === undefined ? 1 : Math.min(2, Math.max(0.5, seenTpotMs / modelledTpotMs));
}

/** What is expected of one request on one endpoint. */
export interface Prediction {
  /** False while too little was seen there, or what was seen fits no model: the numbers are of no use. */
  readonly trusted: boolean;
  readonly ttftMs: number;
  /** Nine of ten requests get their first token by then. */
  readonly ttftHighMs: number;
  /** Milliseconds a token. */
  readonly tpotMs: number;
  readonly tpotHighMs: number;
  /** What its prefill takes of the engine's time, and so of every request that generates there. */
  readonly prefillMs: number;
  /** What a step takes longer because it computes any prompt at all; none more where it computes others anyway. */
  readonly joinMs: number;
  /** What it adds to each step while it generates. */
  readonly stepMs: number;
}
