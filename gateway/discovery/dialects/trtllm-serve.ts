import type { Dialect } from './dialect.ts';

/** TensorRT-LLM's own server, `trtllm-serve`. Source: TensorRT-LLM's documentation of its Prometheus metrics. */
export const trtllmServe: Dialect = {
  trtllm_num_requests_running: ({ value }) => ({ running: value }),
  trtllm_num_requests_waiting: ({ value }) => ({ waiting: value }),
  trtllm_kv_cache_utilization: ({ value }) => ({ kvCacheUtilization: value }),
};
