import type { Aggregation, Interval } from '../series/aggregate.ts';
import {
  InvalidArgument,
  type Point,
  type Series,
  type SeriesIdentity,
  type ValueType,
} from '../series/time-series.ts';

/** Messages of google.monitoring.v3 as the proto loader gives them: camel case, numbers for int64, names for enums, every field present. */
export interface WireTimestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** An interval as it stands on the wire. */
export interface WireInterval {
  readonly startTime: WireTimestamp | null;
  readonly endTime: WireTimestamp | null;
}

/** A time series as it stands on the wire. */
export interface WireTimeSeries {
  readonly metric: { readonly type: string; readonly labels: Record<string, string> } | null;
  readonly resource: { readonly type: string; readonly labels: Record<string, string> } | null;
  readonly metricKind: string;
  readonly points: readonly {
    readonly interval: WireInterval | null;
    readonly value: Record<string, unknown> | null;
  }[];
}

/** An aggregation as it stands on the wire. */
export interface WireAggregation {
  readonly alignmentPeriod: WireTimestamp | null;
  readonly perSeriesAligner: string;
  readonly crossSeriesReducer: string;
  readonly groupByFields: readonly string[];
}

const valueFields: Readonly<Record<string, ValueType>> = {
  doubleValue: 'DOUBLE',
  int64Value: 'INT64',
  boolValue: 'BOOL',
};

/** @throws {InvalidArgument} without an end, or with one before the start. An absent start means the end alone. */
export function readInterval(interval: WireInterval | null): Interval {
  if (!interval?.endTime) throw new InvalidArgument('interval.endTime is required');
  const endMs = milliseconds(interval.endTime);
  const startMs = interval.startTime ? milliseconds(interval.startTime) : endMs;
  if (startMs > endMs) throw new InvalidArgument('interval.startTime is after interval.endTime');
  return { startMs, endMs };
}

/** Undefined when none is asked for. */
export function readAggregation(aggregation: WireAggregation | null): Aggregation | undefined {
  if (!aggregation || aggregation.perSeriesAligner === 'ALIGN_NONE') {
    if (aggregation && aggregation.crossSeriesReducer !== 'REDUCE_NONE') {
      throw new InvalidArgument('a crossSeriesReducer needs a perSeriesAligner');
    }
    return undefined;
  }
  return {
    ...aggregation,
    alignmentPeriodMs: aggregation.alignmentPeriod ? milliseconds(aggregation.alignmentPeriod) : 0,
  };
}

/** @throws {InvalidArgument} unless the series is named and has exactly one point of a kind that is kept here. */
export function readTimeSeries(series: WireTimeSeries): { identity: SeriesIdentity; point: Point } {
  const { metric, resource, points } = series;
  if (!metric?.type) throw new InvalidArgument('metric.type is required');
  const [point] = points;
  if (points.length !== 1 || !point) throw new InvalidArgument('each time series takes exactly one point');
  const written = Object.entries(point.value ?? {}).find(([field]) => field in valueFields);
  if (!written) throw new InvalidArgument(`a value must be one of ${Object.keys(valueFields).join(', ')} here`);
  const { startMs, endMs } = readInterval(point.interval);
  const [field, value] = written;
  return {
    identity: {
      metric: { type: metric.type, labels: metric.labels },
      resource: { type: resource?.type || 'global', labels: resource?.labels ?? {} },
      metricKind: series.metricKind === 'CUMULATIVE' ? 'CUMULATIVE' : 'GAUGE',
      valueType: valueFields[field] as ValueType,
    },
    point: { startMs, endMs, value: Number(value) },
  };
}

/** A time series as it goes onto the wire. */
export function wireTimeSeries({ identity, points }: Series) {
  return { ...identity, points: points.map((point) => wirePoint(point, identity.valueType)) };
}

function wirePoint({ startMs, endMs, value }: Point, valueType: ValueType) {
  return { interval: { startTime: timestamp(startMs), endTime: timestamp(endMs) }, value: wireValue(value, valueType) };
}

function wireValue(value: number, valueType: ValueType) {
  if (valueType === 'INT64') return { int64Value: value };
  return valueType === 'BOOL' ? { boolValue: value === 1 } : { doubleValue: value };
}

function milliseconds({ seconds, nanos }: WireTimestamp): number {
  return Number(seconds) * 1000 + nanos / 1e6;
}

function timestamp(atMs: number): WireTimestamp {
  const seconds = Math.floor(atMs / 1000);
  return { seconds, nanos: Math.round((atMs - seconds * 1000) * 1e6) };
}
