import { type MetricNamePair, metricNames } from '../../shared/inference-gateway/metric-names.ts';

/** A metric under both generations of its name. The newer one carries the labels of both. */
export interface Twin extends MetricNamePair {
  readonly help: string;
  readonly olderLabels: readonly Label[];
  readonly newerLabels: readonly Label[];
  readonly buckets?: readonly number[];
}

/** A label of any of the metrics below. */
export type Label =
  | 'name'
  | 'inference_pool'
  | 'model_server_pod'
  | 'model_server_endpoint'
  | 'model_name'
  | 'target_model_name'
  | 'fairness_id'
  | 'priority'
  | 'streaming'
  | 'error_code';

const model = ['model_name', 'target_model_name'] as const;
const flow = [...model, 'fairness_id', 'priority'] as const;
const queueLabels = ['fairness_id', 'priority', 'inference_pool', ...model] as const;

/** Protocol: the buckets of llm-d-router's request duration; those of first tokens end at two minutes, those of tokens are powers of two. */
const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120, 180, 240,
  300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const ttftBuckets = durationBuckets.filter((seconds) => seconds <= 120);
/** Derived: up to the longest contexts, a million tokens. */
const inputTokenBuckets = powersOfTwo(20);
/** Derived: up to the longest answers, some eight thousand tokens. */
const outputTokenBuckets = powersOfTwo(13);

/** Counters with a name in both generations of the endpoint picker. */
export const counters = {
  requests: {
    ...metricNames.requests,
    help: 'Requests, answered in whatever way',
    olderLabels: [...model, 'priority'],
    newerLabels: flow,
  },
  errors: {
    ...metricNames.errors,
    help: "Requests without a 2xx answer; error_code is the gateway's, or the status an endpoint answered",
    olderLabels: [...model, 'error_code'],
    newerLabels: [...flow, 'error_code'],
  },
} as const satisfies Readonly<Record<string, Twin>>;

/** Histograms with a name in both generations. */
export const histograms = {
  duration: {
    ...metricNames.duration,
    help: 'From the admission to the last byte of a served answer',
    olderLabels: model,
    newerLabels: flow,
    buckets: durationBuckets,
  },
  ttft: {
    ...metricNames.ttft,
    help: 'From the admission to the first byte of the answer',
    olderLabels: model,
    newerLabels: [...flow, 'streaming'],
    buckets: ttftBuckets,
  },
  predictedTtft: {
    ...metricNames.predictedTtft,
    help: 'TTFT as predicted when the endpoint was chosen',
    olderLabels: model,
    newerLabels: flow,
    buckets: ttftBuckets,
  },
  inputTokens: {
    ...metricNames.inputTokens,
    help: 'Prompt tokens, as answers report them',
    olderLabels: model,
    newerLabels: flow,
    buckets: inputTokenBuckets,
  },
  outputTokens: {
    ...metricNames.outputTokens,
    help: 'Generated tokens, as answers report them',
    olderLabels: model,
    newerLabels: flow,
    buckets: outputTokenBuckets,
  },
} as const satisfies Readonly<Record<string, Twin>>;

/** Gauges with a name in both generations. */
export const gauges = {
  readyEndpoints: {
    ...metricNames.readyEndpoints,
    help: 'Endpoints that take requests',
    olderLabels: ['name'],
    newerLabels: ['name'],
  },
  averageKvCache: {
    ...metricNames.averageKvCache,
    help: 'Mean KV-cache utilization, 0 to 1, of the endpoints with a fresh reading',
    olderLabels: ['name'],
    newerLabels: ['name'],
  },
  averageQueue: {
    ...metricNames.averageQueue,
    help: 'Mean of the requests that wait in the engines with a fresh reading',
    olderLabels: ['name'],
    newerLabels: ['name'],
  },
  endpointQueue: {
    ...metricNames.endpointQueue,
    help: 'Requests that wait in an engine',
    olderLabels: ['name', 'model_server_pod'],
    newerLabels: ['name', 'model_server_endpoint'],
  },
  saturation: {
    ...metricNames.saturation,
    help: 'Mean over endpoints, 0 idle, 1 full for sheddable work, more only where all are full: the largest of waiting/5, KV cache/0.8, requests/places where those of an engine are known, and what token gaps and first tokens show; 1 for an empty pool',
    olderLabels: ['inference_pool'],
    newerLabels: ['inference_pool'],
  },
  queued: {
    ...metricNames.queued,
    help: 'Requests that wait in the gateway',
    olderLabels: queueLabels,
    newerLabels: queueLabels,
  },
  running: {
    ...metricNames.running,
    help: 'Requests dispatched and not ended',
    olderLabels: ['model_name'],
    newerLabels: flow,
  },
} as const satisfies Readonly<Record<string, Twin>>;

/** Metrics of our own, without labels. */
export const own = {
  realtimeRunning: {
    name: 'backfill_realtime_running_requests',
    type: 'gauge',
    labels: [],
    help: 'Requests of priority 0 and above, dispatched and not ended',
  },
  realtimeSaturation: {
    name: 'backfill_realtime_saturation',
    type: 'gauge',
    labels: [],
    help: 'What saturation would be without sheddable work',
  },
  evictedTokens: {
    name: 'backfill_evicted_tokens_total',
    type: 'counter',
    labels: [],
    help: 'Generated tokens thrown away with evicted requests',
  },
  ejections: {
    name: 'backfill_endpoint_ejections_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Endpoints put out of use for a time because they failed, by what told so',
  },
  predictionError: {
    name: 'backfill_ttft_prediction_error_ratio',
    type: 'gauge',
    labels: ['model_server_endpoint'],
    help: 'Mean of |predicted - seen| / seen of recent TTFTs, for each endpoint that gave any',
  },
} as const;

function powersOfTwo(highest: number): readonly number[] {
  return Array.from({ length: highest + 1 }, (_, exponent) => 2 ** exponent);
}
