/** The names of one metric in both generations: the Inference Extension's and the llm-d router's. A pool shows one of them, or both. */
export interface MetricNamePair {
  readonly older: string;
  readonly newer: string;
}

/** Metrics of an endpoint picker, which our gateway shows, too. Protocol: Gateway API Inference Extension 1.x, llm-d-router 0.9. */
export const metricNames = {
  requests: { older: 'inference_objective_request_total', newer: 'llm_d_epp_request_total' },
  errors: { older: 'inference_objective_request_error_total', newer: 'llm_d_epp_request_error_total' },
  duration: { older: 'inference_objective_request_duration_seconds', newer: 'llm_d_epp_request_duration_seconds' },
  ttft: { older: 'inference_objective_request_ttft_seconds', newer: 'llm_d_epp_request_ttft_seconds' },
  predictedTtft: {
    older: 'inference_objective_request_predicted_ttft_seconds',
    newer: 'llm_d_epp_request_predicted_ttft_seconds',
  },
  inputTokens: { older: 'inference_objective_input_tokens', newer: 'llm_d_epp_request_input_tokens' },
  outputTokens: { older: 'inference_objective_output_tokens', newer: 'llm_d_epp_request_output_tokens' },
  running: { older: 'inference_objective_running_requests', newer: 'llm_d_epp_request_running' },
  readyEndpoints: { older: 'inference_pool_ready_pods', newer: 'llm_d_epp_ready_endpoints' },
  averageKvCache: {
    older: 'inference_pool_average_kv_cache_utilization',
    newer: 'llm_d_epp_average_kv_cache_utilization',
  },
  averageQueue: { older: 'inference_pool_average_queue_size', newer: 'llm_d_epp_average_queue_size' },
  endpointQueue: { older: 'inference_pool_per_pod_queue_size', newer: 'llm_d_epp_per_endpoint_queue_size' },
  saturation: {
    older: 'inference_extension_flow_control_pool_saturation',
    newer: 'llm_d_epp_flow_control_pool_saturation',
  },
  queued: { older: 'inference_extension_flow_control_queue_size', newer: 'llm_d_epp_flow_control_queue_size' },
} as const satisfies Readonly<Record<string, MetricNamePair>>;

/** Gauges of vLLM from which a pool's load is read. Protocol: vLLM's `vllm/v1/metrics/loggers.py`. */
export const vllmMetricNames = {
  /** Requests that wait in the engine. */
  waiting: 'vllm:num_requests_waiting',
  /** Share of the KV cache that is in use, in [0, 1]. */
  kvCache: { older: 'vllm:gpu_cache_usage_perc', newer: 'vllm:kv_cache_usage_perc' },
} as const;
