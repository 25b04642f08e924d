import { InvalidArgument, type LabelledType, type Point, type Series, seriesKey } from './time-series.ts';

/** How series are aligned and reduced. */
export interface Aggregation {
  readonly alignmentPeriodMs: number;
  readonly perSeriesAligner: string;
  readonly crossSeriesReducer: string;
  readonly groupByFields: readonly string[];
}

/** The time that a query asks for. */
export interface Interval {
  /** Unix milliseconds; the start is outside the interval, the end inside. */
  readonly startMs: number;
  readonly endMs: number;
}

type Fold = (values: readonly number[]) => number;

const shortestPeriodMs = 60_000;
const mean: Fold = (values) => sum(values) / values.length;
const sum: Fold = (values) => values.reduce((total, value) => total + value, 0);
const largest: Fold = (values) => Math.max(...values);
const smallest: Fold = (values) => Math.min(...values);

/** Values of a window come newest first. */
const aligners: Readonly<Record<string, Fold>> = {
  ALIGN_MEAN: mean,
  ALIGN_MAX: largest,
  ALIGN_MIN: smallest,
  ALIGN_SUM: sum,
  ALIGN_NEXT_OLDER: ([newest = Number.NaN]) => newest,
};
const reducers: Readonly<Record<string, Fold>> = {
  REDUCE_MEAN: mean,
  REDUCE_MAX: largest,
  REDUCE_MIN: smallest,
  REDUCE_SUM: sum,
};

/**
 * Aligns each series to windows that end at the interval's end, then folds series that agree in `groupByFields`. An empty window has no point.
 * Source: https://cloud.google.com/monitoring/api/v3/aggregation
 * @throws {InvalidArgument} for what is not offered here, and for a period below a minute.
 */
export function aggregate(series: readonly Series[], aggregation: Aggregation, interval: Interval): Series[] {
  const { alignmentPeriodMs: periodMs, perSeriesAligner, crossSeriesReducer } = aggregation;
  const aligner = chosen(aligners, perSeriesAligner, 'perSeriesAligner');
  if (periodMs < shortestPeriodMs) throw new InvalidArgument('alignmentPeriod must be at least 60 s');
  if (series.some(({ identity }) => identity.metricKind !== 'GAUGE')) {
    throw new InvalidArgument('only gauges are aligned here; read a cumulative metric raw');
  }
  const aligned = series.map(({ identity, points }) => ({
    identity: { ...identity, valueType: 'DOUBLE' as const },
    points: fold(points, aligner, (endMs) => windowEnd(endMs, interval.endMs, periodMs)),
  }));
  if (crossSeriesReducer === 'REDUCE_NONE' || crossSeriesReducer === '') return aligned;
  return reduce(aligned, chosen(reducers, crossSeriesReducer, 'crossSeriesReducer'), aggregation.groupByFields);
}

function reduce(series: readonly Series[], reducer: Fold, groupByFields: readonly string[]): Series[] {
  const groups = new Map<string, Series>();
  for (const { identity, points } of series) {
    const grouped = {
      ...identity,
      metric: onlyLabels(identity.metric, 'metric', groupByFields),
      resource: onlyLabels(identity.resource, 'resource', groupByFields),
    };
    const key = seriesKey(grouped);
    groups.set(key, { identity: grouped, points: [...(groups.get(key)?.points ?? []), ...points] });
  }
  return [...groups.values()].map(({ identity, points }) => ({
    identity,
    points: fold(points, reducer, (endMs) => endMs),
  }));
}

/** One point for each instant that `instantOf` gives, newest first. */
function fold(points: readonly Point[], combine: Fold, instantOf: (endMs: number) => number): Point[] {
  const windows = Map.groupBy(points, ({ endMs }) => instantOf(endMs));
  return [...windows]
    .sort(([a], [b]) => b - a)
    .map(([endMs, inside]) => ({ startMs: endMs, endMs, value: combine(inside.map(({ value }) => value)) }));
}

/** The end of the window (end − period, end] that holds the instant. */
function windowEnd(atMs: number, lastEndMs: number, periodMs: number): number {
  return lastEndMs - Math.floor((lastEndMs - atMs) / periodMs) * periodMs;
}

function onlyLabels(
  { type, labels }: LabelledType,
  of: 'metric' | 'resource',
  fields: readonly string[],
): LabelledType {
  const kept = Object.entries(labels).filter(
    ([name]) => fields.includes(`${of}.labels.${name}`) || fields.includes(`${of}.label.${name}`),
  );
  return { type, labels: Object.fromEntries(kept) };
}

function chosen(offered: Readonly<Record<string, Fold>>, name: string, field: string): Fold {
  const found = offered[name];
  if (!found) throw new InvalidArgument(`${field} must be one of ${Object.keys(offered).join(', ')} here, not ${name}`);
  return found;
}
