import type { Policy } from './policy.ts';

/** Protocol: leading share of a prompt from which on an endpoint counts as having its prefix. */
const affinityShare = 0.8;
/** Protocol: uncached tokens in flight beyond which affinity is given up: 20,480 tokens/s of prefill at the most, times a TTFT that may be 14 s later. */
const saturatedTokens = 20_480 * 14;

/**
 * Sticky until saturated: of the endpoints that have at least four fifths of the prompt's prefix, less those whose uncached tokens in flight
 * exceed peak prefill rate × largest TTFT penalty, the one with the fewest such tokens; without any, of all. Nothing waits in the gateway's
 * queue. Source: llm-d's optimized-baseline guide (prefix-cache affinity filter, token-load scorer), with its numbers.
 */
export const llmD: Policy = {
  meaning: 'prefix affinity, then token load, until saturated, without a queue, as llm-d chooses by default',
  waitsFor: 'nothing',
  score: (candidates) => {
    const isSticky = candidates.map(
      ({ prefixShare, uncachedTokens }) => prefixShare >= affinityShare && uncachedTokens <= saturatedTokens,
    );
    const any = isSticky.some(Boolean);
    return {
      scores: candidates.map(({ uncachedTokens }, index) => (any && !isSticky[index] ? 0 : 1 / (1 + uncachedTokens))),
      rule: any ? 'the least token load of those that have the prefix' : 'the least token load',
    };
  },
};
