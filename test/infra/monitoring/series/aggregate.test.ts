import { expect, test } from 'vitest';
import { type Aggregation, aggregate } from '../../../../infra/local/monitoring/series/aggregate.ts';
import type { Series } from '../../../../infra/local/monitoring/series/time-series.ts';

const minuteMs = 60_000;
const interval = { startMs: 0, endMs: 2 * minuteMs };

function series(pod: string, points: [endMs: number, value: number][], metricKind: 'GAUGE' | 'CUMULATIVE' = 'GAUGE') {
  return {
    identity: {
      metric: { type: 't', labels: { pod } },
      resource: { type: 'r', labels: { cluster: 'c' } },
      metricKind,
      valueType: 'DOUBLE',
    },
    points: points.map(([endMs, value]) => ({ startMs: endMs, endMs, value })),
  } satisfies Series;
}

function asked(
  perSeriesAligner: string,
  crossSeriesReducer = 'REDUCE_NONE',
  groupByFields: string[] = [],
): Aggregation {
  return { alignmentPeriodMs: minuteMs, perSeriesAligner, crossSeriesReducer, groupByFields };
}

const a = series('a', [
  [2 * minuteMs, 8],
  [minuteMs + 1, 4],
  [minuteMs, 1],
]);
const b = series('b', [[2 * minuteMs, 10]]);
const values = (found: Series[]) => found.map(({ points }) => points.map(({ endMs, value }) => [endMs, value]));

const aligned: [string, number, number][] = [
  ['ALIGN_MEAN', 6, 1],
  ['ALIGN_MAX', 8, 1],
  ['ALIGN_MIN', 4, 1],
  ['ALIGN_SUM', 12, 1],
  ['ALIGN_NEXT_OLDER', 8, 1],
];

test.each(aligned)("%s, a point on a window's end belongs to it", (aligner, second, first) => {
  expect(values(aggregate([a], asked(aligner), interval))).toEqual([
    [
      [2 * minuteMs, second],
      [minuteMs, first],
    ],
  ]);
});

test('series fold into one, window by window', () => {
  const [folded] = aggregate([a, b], asked('ALIGN_MEAN', 'REDUCE_MAX'), interval);
  expect(folded?.identity.metric).toEqual({ type: 't', labels: {} });
  expect(values([folded as Series])).toEqual([
    [
      [2 * minuteMs, 10],
      [minuteMs, 1],
    ],
  ]);
});

test('series that differ in a grouped label stay apart', () => {
  const folded = aggregate([a, b], asked('ALIGN_MEAN', 'REDUCE_SUM', ['metric.label.pod']), interval);
  expect(folded.map(({ identity }) => identity.metric.labels)).toEqual([{ pod: 'a' }, { pod: 'b' }]);
});

const refused: [string, Series, Aggregation, string][] = [
  ['a period below a minute', a, { ...asked('ALIGN_MEAN'), alignmentPeriodMs: minuteMs - 1 }, 'at least 60 s'],
  ['an aligner that is not offered', a, asked('ALIGN_RATE'), 'perSeriesAligner must be one of'],
  ['a reducer that is not offered', a, asked('ALIGN_MEAN', 'REDUCE_STDDEV'), 'crossSeriesReducer must be one of'],
  ['a counter', series('c', [], 'CUMULATIVE'), asked('ALIGN_MEAN'), 'only gauges'],
];

test.each(refused)('%s is refused', (_name, input, aggregation, fault) => {
  expect(() => aggregate([input], aggregation, interval)).toThrow(fault);
});
