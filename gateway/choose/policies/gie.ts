import type { Policy } from './policy.ts';

/** Protocol: the weights of the endpoint picker's older default. */
const weights = { queue: 2, kvCache: 2, prefix: 3 };

/**
 * Queue score (max − q) / (max − min), all equal 1; KV-cache score 1 − utilization; prefix score: the share that is cached; weighed
 * 2 : 2 : 3. Source: the default scorers of the Gateway API Inference Extension's endpoint picker.
 */
export const gie: Policy = {
  meaning: 'queue 2, KV cache 2, prefix 3: the older default of llm-d and GIE',
  waitsFor: 'any endpoint',
  score: (candidates) => {
    const queues = candidates.map(({ waiting }) => waiting);
    const longest = Math.max(...queues);
    const spread = longest - Math.min(...queues);
    const scores = candidates.map(({ waiting, kvCacheUtilization, prefixShare }) => {
      const queueScore = spread === 0 ? 1 : (longest - waiting) / spread;
      const weighed =
        weights.queue * queueScore + weights.kvCache * (1 - kvCacheUtilization) + weights.prefix * prefixShare;
      return weighed / (weights.queue + weights.kvCache + weights.prefix);
    });
    return { scores, rule: 'queue 2, KV cache 2, prefix 3' };
  },
};
