import { expect, test } from 'vitest';
import { parseFilter } from '../../../../infra/local/monitoring/series/filter.ts';
import { SeriesStore } from '../../../../infra/local/monitoring/series/series-store.ts';
import type { MetricKind, SeriesIdentity } from '../../../../infra/local/monitoring/series/time-series.ts';

const always = { startMs: 0, endMs: 1_000_000 };
const filter = parseFilter('metric.type = "t"');

function identity(pod: string, metricKind: MetricKind = 'GAUGE'): SeriesIdentity {
  return {
    metric: { type: 't', labels: { pod } },
    resource: { type: 'r', labels: {} },
    metricKind,
    valueType: 'DOUBLE',
  };
}

function storeWith(limits: { maxSeries?: number; maxPointsPerSeries?: number } = {}) {
  return new SeriesStore({ maxSeries: 10, maxPointsPerSeries: 10, ...limits });
}

const valuesOf = (store: SeriesStore, interval = always, asOfMs = 1_000_000) =>
  store.read(filter, interval, asOfMs).map(({ points }) => points.map(({ value }) => value));

test('newest first, the oldest gives way', () => {
  const store = storeWith({ maxPointsPerSeries: 3 });
  for (const value of [1, 2, 3, 4]) store.addScraped({ identity: identity('a'), value }, value * 1000, 0);
  expect(valuesOf(store)).toEqual([[4, 3, 2]]);
});

test('the start of an interval is outside it, the end inside', () => {
  const store = storeWith();
  for (const value of [1, 2, 3]) store.addScraped({ identity: identity('a'), value }, value * 1000, 0);
  expect(valuesOf(store, { startMs: 1000, endMs: 2000 })).toEqual([[2]]);
  expect(valuesOf(store, { startMs: 2000, endMs: 2000 })).toEqual([[2]]);
  expect(valuesOf(store, { startMs: 3000, endMs: 4000 })).toEqual([]);
});

test('a scraped point is unseen until its delay is over', () => {
  const store = storeWith();
  store.addScraped({ identity: identity('a'), value: 1 }, 1000, 500);
  expect(valuesOf(store, always, 1499)).toEqual([]);
  expect(valuesOf(store, always, 1500)).toEqual([[1]]);
});

test('the series that was silent longest is forgotten first', () => {
  const store = storeWith({ maxSeries: 2 });
  for (const [pod, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
  ] as const) {
    store.addScraped({ identity: identity(pod), value }, value * 1000, 0);
  }
  expect(valuesOf(store)).toEqual([[3, 1], [4]]);
});

test('a counter counts from its first sample, which is not shown', () => {
  const store = storeWith();
  for (const [atMs, value] of [
    [1000, 50],
    [2000, 53],
    [3000, 60],
  ] as const) {
    store.addScraped({ identity: identity('a', 'CUMULATIVE'), value }, atMs, 0);
  }
  expect(store.read(filter, always, 5000)[0]?.points).toEqual([
    { startMs: 1000, endMs: 3000, value: 10 },
    { startMs: 1000, endMs: 2000, value: 3 },
  ]);
});

test('a counter that fell has begun again from zero', () => {
  const store = storeWith();
  for (const [atMs, value] of [
    [1000, 50],
    [2000, 53],
    [3000, 4],
    [4000, 5],
  ] as const) {
    store.addScraped({ identity: identity('a', 'CUMULATIVE'), value }, atMs, 0);
  }
  expect(store.read(filter, always, 5000)[0]?.points.slice(0, 2)).toEqual([
    { startMs: 2999, endMs: 4000, value: 5 },
    { startMs: 2999, endMs: 3000, value: 4 },
  ]);
});

test('a written point is seen at once, and the next must be newer', () => {
  const store = storeWith();
  const point = { startMs: 1000, endMs: 1000, value: 7 };
  store.addWritten(identity('a'), point);
  expect(valuesOf(store, always, 0)).toEqual([[7]]);
  expect(() => store.addWritten(identity('a'), point)).toThrow('in order');
});
