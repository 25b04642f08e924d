import { expect, test } from 'vitest';
import { capacityMetrics } from '../../../../functions/processor/capacity/capacity-metrics.ts';
import { type MetricScope, monitoringFilter } from '../../../../functions/processor/capacity/monitoring-filter.ts';
import { matches, parseFilter, singleMetricType } from '../../../../infra/local/monitoring/series/filter.ts';

const wide: MetricScope = { poolName: undefined, cluster: undefined, namespace: undefined };
const narrow: MetricScope = { poolName: 'chat', cluster: 'east', namespace: 'serving' };
const { saturation, averageQueue, serverQueue } = capacityMetrics;

test('without a scope, the type alone', () => {
  expect(monitoringFilter('vllm:num_requests_waiting', serverQueue, wide)).toBe(
    'metric.type = "prometheus.googleapis.com/vllm:num_requests_waiting/gauge"',
  );
});

const rows = [
  ['saturation names its pool', saturation, 'metric.labels.inference_pool = "chat"'],
  ['an average names its pool otherwise', averageQueue, 'metric.labels.name = "chat"'],
] as const;
test.each(rows)('%s', (_name, metric, expected) => {
  expect(monitoringFilter('x', metric, narrow)).toBe(
    `metric.type = "prometheus.googleapis.com/x/gauge" AND resource.labels.cluster = "east" AND resource.labels.namespace = "serving" AND ${expected}`,
  );
});

test('a model server names none', () => {
  expect(monitoringFilter('x', serverQueue, narrow)).not.toContain('chat');
});

test('quotes and backslashes in a name stay inside it', () => {
  const poolName = 'a" OR metric.type = "b\\';
  const filter = parseFilter(monitoringFilter('x', averageQueue, { ...wide, poolName }));
  expect(singleMetricType(filter)).toBe('prometheus.googleapis.com/x/gauge');
  const metric = { type: 'prometheus.googleapis.com/x/gauge', labels: { name: poolName } };
  const identity = { metric, resource: { type: 'r', labels: {} }, metricKind: 'GAUGE', valueType: 'DOUBLE' } as const;
  expect(matches(filter, identity)).toBe(true);
});
