import { type MetricNamePair, metricNames, vllmMetricNames } from '../../../shared/inference-gateway/metric-names.ts';

/** A gauge that says something of a pool's load. */
export interface CapacityMetric {
  /** Under Prometheus, the newer first; a pool shows one of them, or both with the same values. */
  readonly names: readonly string[];
  /** The label that holds the pool's name; model servers know nothing of pools. */
  readonly poolLabel?: string;
}

/** The gauges that the capacity sources read. */
export const capacityMetrics = {
  saturation: { names: newerFirst(metricNames.saturation), poolLabel: 'inference_pool' },
  readyServers: { names: newerFirst(metricNames.readyEndpoints), poolLabel: 'name' },
  averageQueue: { names: newerFirst(metricNames.averageQueue), poolLabel: 'name' },
  averageKvCache: { names: newerFirst(metricNames.averageKvCache), poolLabel: 'name' },
  serverQueue: { names: [vllmMetricNames.waiting] },
  serverKvCache: { names: newerFirst(vllmMetricNames.kvCache) },
} as const satisfies Readonly<Record<string, CapacityMetric>>;

function newerFirst({ newer, older }: MetricNamePair): readonly string[] {
  return [newer, older];
}
