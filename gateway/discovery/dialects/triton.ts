import type { Dialect } from './dialect.ts';

/**
 * Triton with the TensorRT-LLM backend. A label tells which of several figures a sample of the same metric is.
 * Source: the model server protocol of the Gateway API Inference Extension.
 */
export const triton: Dialect = {
  nv_trt_llm_request_metrics: ({ labels, value }) => {
    if (labels.request_type === 'scheduled') return { running: value };
    return labels.request_type === 'waiting' ? { waiting: value } : {};
  },
  nv_trt_llm_kv_cache_block_metrics: ({ labels, value }) =>
    labels.kv_cache_block_type === 'fraction' ? { kvCacheUtilization: value } : {},
};
