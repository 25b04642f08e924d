/** What a time series is called: everything but its points. */
export interface SeriesIdentity {
  readonly metric: LabelledType;
  readonly resource: LabelledType;
  readonly metricKind: MetricKind;
  readonly valueType: ValueType;
}

/** The type of a metric or of a resource, with its labels. */
export interface LabelledType {
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Kinds of metrics that are kept. */
export type MetricKind = 'GAUGE' | 'CUMULATIVE';
/** Types of values that are kept. */
export type ValueType = 'DOUBLE' | 'INT64' | 'BOOL';

/** One point of a series. */
export interface Point {
  /** Unix milliseconds; equal to `endMs` for a gauge. */
  readonly startMs: number;
  readonly endMs: number;
  /** A Boolean is 0 or 1. May be NaN. */
  readonly value: number;
}

/** One time series. */
export interface Series {
  readonly identity: SeriesIdentity;
  /** Newest first. */
  readonly points: readonly Point[];
}

/** One text for one identity, whatever the order of its labels. */
export function seriesKey({ metric, resource }: SeriesIdentity): string {
  return JSON.stringify([metric.type, sorted(metric.labels), resource.type, sorted(resource.labels)]);
}

function sorted(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A request that Google would refuse with INVALID_ARGUMENT. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';
}
