import { vllmMetricNames } from '../../../shared/inference-gateway/metric-names.ts';
import type { Dialect } from './dialect.ts';

const { waiting, kvCache } = vllmMetricNames;

/**
 * vLLM. Its KV cache gauge has a newer and an older name. `cache_config_info` and `lora_requests_info` tell what they know in labels.
 * Source: vLLM's `vllm/v1/metrics/loggers.py`, and the model server protocol of the Gateway API Inference Extension.
 */
const vllm: Dialect = {
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

/** SGLang, started with `--enable-metrics`. Source: SGLang's documentation of its production metrics. */
const sglang: Dialect = {
  'sglang:num_running_reqs': ({ value }) => ({ running: value }),
  'sglang:num_queue_reqs': ({ value }) => ({ waiting: value }),
  'sglang:token_usage': ({ value }) => ({ kvCacheUtilization: value }),
};

/** TensorRT-LLM's own server, `trtllm-serve`. Source: TensorRT-LLM's documentation of its Prometheus metrics. */
const trtllmServe: Dialect = {
  trtllm_num_requests_running: ({ value }) => ({ running: value }),
  trtllm_num_requests_waiting: ({ value }) => ({ waiting: value }),
  trtllm_kv_cache_utilization: ({ value }) => ({ kvCacheUtilization: value }),
};

/**
 * Triton with the TensorRT-LLM backend. A label tells which of several figures a sample of the same metric is.
 * Source: the model server protocol of the Gateway API Inference Extension.
 */
const triton: Dialect = {
  nv_trt_llm_request_metrics: ({ labels, value }) => {
    if (labels.request_type === 'scheduled') return { running: value };
    return labels.request_type === 'waiting' ? { waiting: value } : {};
  },
  nv_trt_llm_kv_cache_block_metrics: ({ labels, value }) =>
    labels.kv_cache_block_type === 'fraction' ? { kvCacheUtilization: value } : {},
};

/** The kinds of model servers that the gateway understands, by the names of their metrics. A new kind is one more of the above, named here. */
export const everyDialect: Dialect = { ...vllm, ...sglang, ...trtllmServe, ...triton };
