import { vllmMetricNames } from '../../../shared/inference-gateway/metric-names.ts';
import type { Dialect } from './dialect.ts';

const { waiting, kvCache } = vllmMetricNames;

/**
 * vLLM. Its KV cache gauge has a newer and an older name. `cache_config_info` and `lora_requests_info` tell what they know in labels.
 * Source: vLLM's `vllm/v1/metrics/loggers.py`, and the model server protocol of the Gateway API Inference Extension.
 */
export const vllm: Dialect = {
  'vllm:num_requests_running': ({ value }) => ({ running: value }),
  [waiting]: ({ value }) => ({ waiting: value }),
  [kvCache.newer]: ({ value }) => ({ kvCacheUtilization: value }),
  [kvCache.older]: ({ value }) => ({ kvCacheUtilization: value }),
  // A request that waits for an adapter's slot or for its KV cache from elsewhere is no sign that places are lacking.
  'vllm:num_requests_waiting_by_reason': ({ labels, value }) =>
    labels.reason === 'deferred' ? { deferred: value } : {},
  'vllm:generation_tokens_total': ({ value }) => ({ generatedTokens: value }),
  // Before the cache is made the number of blocks is missing or "None". Newer versions tell the tokens: "None" where a model has no cache.
  'vllm:cache_config_info': ({ labels }) => ({
    kvCacheTokens: Number(labels.kv_cache_size_tokens ?? Number(labels.block_size) * Number(labels.num_gpu_blocks)),
  }),
  // The value is the time at which the series was written: series with a smaller value tell of adapters that have gone.
  'vllm:lora_requests_info': ({ labels }) => ({
    adapters: (labels.running_lora_adapters ?? '').split(','),
    adapterSlots: Number(labels.max_lora),
  }),
};
