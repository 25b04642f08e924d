import type { CapacityMetric } from './capacity-metrics.ts';

/** What narrows the metrics read; absent means all. */
export interface MetricScope {
  readonly poolName: string | undefined;
  readonly cluster: string | undefined;
  readonly namespace: string | undefined;
}

/**
 * A Monitoring filter for a gauge under one of its names, as Google Managed Prometheus stores it. Model servers' series name no pool: only
 * cluster and namespace narrow those.
 * Source: https://cloud.google.com/monitoring/api/v3/filters
 */
export function monitoringFilter(name: string, { poolLabel }: CapacityMetric, scope: MetricScope): string {
  const conditions: readonly (readonly [string, string | undefined])[] = [
    ['metric.type', `prometheus.googleapis.com/${name}/gauge`],
    ['resource.labels.cluster', scope.cluster],
    ['resource.labels.namespace', scope.namespace],
    [`metric.labels.${poolLabel}`, poolLabel === undefined ? undefined : scope.poolName],
  ];
  return conditions
    .flatMap(([field, value]) => (value === undefined ? [] : [`${field} = "${value.replace(/["\\]/g, '\\$&')}"`]))
    .join(' AND ');
}
