import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createMonitoring } from '../../../../functions/processor/capacity/monitoring.ts';
import {
  type MonitoringSourceName,
  monitoringSource,
} from '../../../../functions/processor/capacity/monitoring-sources.ts';
import { later, wallClock } from '../../../../shared/runtime/clock.ts';
import {
  notFound,
  type ScriptedSeries,
  startScriptedMonitoring,
  unavailable,
} from '../../../support/scripted-monitoring.ts';

const monitoring = await startScriptedMonitoring();
afterAll(() => monitoring.close());
beforeEach(() => monitoring.play([]));

const maxAgeMs = 240_000;
const scope = { poolName: 'chat', cluster: 'east', namespace: 'serving' };
const read = createMonitoring({ project: 'p', endpoint: monitoring.host }, wallClock);
const source = (name: MonitoringSourceName) => monitoringSource(name, read, scope, maxAgeMs, wallClock);

const double = (metric: string, doubleValue: number, more: Partial<ScriptedSeries> = {}): ScriptedSeries => ({
  metric,
  value: { doubleValue },
  ...more,
});
const pod = (name: string) => ({ labels: { pod: name } });

const newSaturation = 'llm_d_epp_flow_control_pool_saturation';
const oldSaturation = 'inference_extension_flow_control_pool_saturation';
const newReady = 'llm_d_epp_ready_endpoints';
const oldReady = 'inference_pool_ready_pods';
const newQueue = 'llm_d_epp_average_queue_size';
const newKvCache = 'llm_d_epp_average_kv_cache_utilization';
const oldQueue = 'inference_pool_average_queue_size';
const oldKvCache = 'inference_pool_average_kv_cache_utilization';
const waiting = 'vllm:num_requests_waiting';
const kvCache = 'vllm:kv_cache_usage_perc';
const oldServerKvCache = 'vllm:gpu_cache_usage_perc';

const rows: [string, MonitoringSourceName, ScriptedSeries[], object | undefined][] = [
  [
    'newer names',
    'flow-control',
    [double(newSaturation, 0.4), double(newReady, 3)],
    { saturation: 0.4, readyServers: 3 },
  ],
  [
    'older names',
    'flow-control',
    [double(oldSaturation, 0.4), double(oldReady, 3)],
    { saturation: 0.4, readyServers: 3 },
  ],
  [
    'both, the newer wins',
    'flow-control',
    [double(oldSaturation, 0.9), double(newSaturation, 0.4)],
    { saturation: 0.4 },
  ],
  [
    'the older where the newer is NaN',
    'flow-control',
    [double(newSaturation, Number.NaN), double(oldSaturation, 0.4)],
    { saturation: 0.4 },
  ],
  ['int64 comes as text', 'flow-control', [{ metric: oldSaturation, value: { int64Value: 1 } }], { saturation: 1 }],
  [
    'the largest of its series',
    'flow-control',
    [double(newSaturation, 0.4), double(newSaturation, 0.7, pod('b'))],
    { saturation: 0.7 },
  ],
  [
    'NaN beside a number',
    'flow-control',
    [double(newSaturation, 0.4), double(newSaturation, Number.NaN, pod('b'))],
    { saturation: 0.4 },
  ],
  [
    'infinite beside a number',
    'flow-control',
    [double(newSaturation, 0.4), double(newSaturation, Number.POSITIVE_INFINITY, pod('b'))],
    { saturation: Number.POSITIVE_INFINITY },
  ],
  ['too old', 'flow-control', [double(newSaturation, 0.4, { ageMs: maxAgeMs + 1000 })], undefined],
  [
    'no ready server',
    'flow-control',
    [double(newSaturation, 0.1), double(newReady, 0)],
    { saturation: 0.1, readyServers: 0 },
  ],
  ['flow control is off', 'flow-control', [double(newQueue, 1), double(newReady, 3)], undefined],
  [
    'newer names',
    'pool',
    [double(newQueue, 2), double(newKvCache, 0.4), double(newReady, 3)],
    { saturation: 0.5, readyServers: 3 },
  ],
  ['older names', 'pool', [double(oldQueue, 4), double(oldKvCache, 0.4)], { saturation: 0.8 }],
  ['an empty pool', 'pool', [double(oldReady, 0)], { saturation: 1, readyServers: 0 }],
  ['half of it', 'pool', [double(newQueue, 2)], undefined],
  [
    'newer names',
    'vllm',
    [
      double(waiting, 5, pod('a')),
      double(kvCache, 0.2, pod('a')),
      double(waiting, 0, pod('b')),
      double(kvCache, 0, pod('b')),
    ],
    { saturation: 0.5 },
  ],
  ['older name', 'vllm', [double(waiting, 1, pod('a')), double(oldServerKvCache, 0.4, pod('a'))], { saturation: 0.5 }],
  [
    'a server that was scaled in',
    'vllm',
    [
      double(waiting, 5, { ...pod('a'), ageMs: 130_000 }),
      double(kvCache, 0.8, { ...pod('a'), ageMs: 130_000 }),
      double(waiting, 0, pod('b')),
      double(kvCache, 0, pod('b')),
    ],
    { saturation: 0 },
  ],
  ['nothing', 'vllm', [], undefined],
];
test.each(rows)('%s: %s', async (_edge, name, series, expected) => {
  monitoring.play(series);
  const reading = await source(name).read();
  if (expected === undefined) expect(reading).toBeUndefined();
  else expect(reading).toEqual({ source: name, ageMs: expect.any(Number), ...expected });
});

test.each([
  ['a minute before now', -60_000, 60_000],
  ['now', 0, 0],
  ['in the future: another machine’s clock runs ahead', 60_000, 0],
])('a point that was taken %s', async (_, aheadMs, ageMs) => {
  const nowMs = wallClock.unixMs();
  const frozen = { unixMs: () => nowMs };
  const readFrozen = createMonitoring({ project: 'p', endpoint: monitoring.host }, frozen);
  monitoring.play([double(newSaturation, 0.4, { atMs: later(nowMs, aheadMs) })]);
  const reading = await monitoringSource('flow-control', readFrozen, scope, maxAgeMs, frozen).read();
  expect(reading?.ageMs).toBeCloseTo(ageMs, 1);
});

test('asks for raw points of one metric a query, of this pool, as old as may be', async () => {
  await source('flow-control').read();
  expect(monitoring.requests).toHaveLength(4);
  for (const { name, filter, aggregation, view, interval } of monitoring.requests) {
    expect({ name, aggregation, view }).toEqual({ name: 'projects/p', aggregation: null, view: 'FULL' });
    expect(filter.match(/metric\.type/g)).toHaveLength(1);
    expect(filter).toContain('resource.labels.cluster = "east" AND resource.labels.namespace = "serving"');
    expect(filter).toMatch(/metric\.labels\.(inference_pool|name) = "chat"/);
    expect(interval.endTime.seconds - interval.startTime.seconds).toBe(maxAgeMs / 1000);
  }
});

test('a steady pool costs a query a metric', async () => {
  const steady = source('flow-control');
  const series = [double(oldSaturation, 0.4), double(oldReady, 3)];
  monitoring.play(series);
  await steady.read();
  monitoring.play(series);
  await steady.read();
  expect(monitoring.requests).toHaveLength(2);
});

describe('a Monitoring that cannot be asked', () => {
  test('is an error, asked once', async () => {
    monitoring.play(unavailable);
    await expect(source('vllm').read()).rejects.toThrow('UNAVAILABLE');
    expect(monitoring.requests).toHaveLength(3);
  });

  test('says so when it knows none of the names', async () => {
    monitoring.play(notFound);
    await expect(source('pool').read()).rejects.toThrow('NOT_FOUND');
  });

  test('does not stay so', async () => {
    const recovering = source('flow-control');
    monitoring.play(unavailable);
    await expect(recovering.read()).rejects.toThrow();
    monitoring.play([double(newSaturation, 0.4)]);
    expect(await recovering.read()).toMatchObject({ saturation: 0.4 });
  });
});
