/** A gauge that says something of a pool's load. */
export interface CapacityMetric {
  /** Under Prometheus, the newer first; a pool shows one of them, or both with the same values. */
  readonly names: readonly string[];
  /** The label that holds the pool's name; model servers know nothing of pools. */
  readonly poolLabel?: string;
}

/** Sources: the metrics of the Gateway API Inference Extension, of llm-d-router and of vLLM. */
export const capacityMetrics = {
  saturation: {
    names: ['llm_d_epp_flow_control_pool_saturation', 'inference_extension_flow_control_pool_saturation'],
    poolLabel: 'inference_pool',
  },
  readyServers: { names: ['llm_d_epp_ready_endpoints', 'inference_pool_ready_pods'], poolLabel: 'name' },
  averageQueue: { names: ['llm_d_epp_average_queue_size', 'inference_pool_average_queue_size'], poolLabel: 'name' },
  averageKvCache: {
    names: ['llm_d_epp_average_kv_cache_utilization', 'inference_pool_average_kv_cache_utilization'],
    poolLabel: 'name',
  },
  serverQueue: { names: ['vllm:num_requests_waiting'] },
  serverKvCache: { names: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'] },
} as const satisfies Readonly<Record<string, CapacityMetric>>;
