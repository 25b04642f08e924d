import type { MetricServiceClient, protos } from '@google-cloud/monitoring';
import type { BacklogState } from './forecast.ts';

type TimeSeries = protos.google.monitoring.v3.ITimeSeries;
type Point = protos.google.monitoring.v3.IPoint;

/** Where a subscription's figures are read. */
export interface BacklogSource {
  readonly client: Pick<MetricServiceClient, 'listTimeSeries'>;
  readonly projectId: string;
  readonly subscriptions: readonly string[];
}

const paceSeconds = 600;
const daySeconds = 86_400;
const profileStepSeconds = 600;
/** Google's points are some minutes old. */
const freshSeconds = 900;

/**
 * The backlog of some subscriptions together, as Cloud Monitoring knows it; undefined where it knows nothing of them.
 * Source: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub
 */
export async function readBacklog(source: BacklogSource, nowMs: number): Promise<BacklogState | undefined> {
  const read = (name: string, forSeconds: number) => list(source, name, nowMs, forSeconds);
  const [undelivered, ages, acked] = await Promise.all([
    read('num_undelivered_messages', daySeconds + paceSeconds),
    read('oldest_unacked_message_age', freshSeconds),
    read('ack_message_count', daySeconds + paceSeconds),
  ]);
  if (undelivered.length === 0) return undefined;
  const waiting = undelivered.map(pointsOf);
  const newest = waiting.map((points) => points.at(-1)?.value ?? 0);
  const steps = Array.from({ length: daySeconds / profileStepSeconds }, (_, step) => {
    const sinceMs = nowMs - (daySeconds - step * profileStepSeconds) * 1000;
    const isIn = ({ atMs }: TimedValue): boolean => atMs > sinceMs && atMs <= sinceMs + profileStepSeconds * 1000;
    const had = waiting.some((points) => points.some((point) => isIn(point) && point.value > 0));
    return had
      ? sum(acked.map((series) => counted(series, sinceMs, sinceMs + profileStepSeconds * 1000))) / profileStepSeconds
      : undefined;
  });
  const sinceMs = Math.max(nowMs - paceSeconds * 1000, backlogSinceMs(waiting, nowMs));
  const seconds = (nowMs - sinceMs) / 1000;
  return {
    messages: sum(newest),
    oldestAgeSeconds: Math.max(0, ...ages.map((series) => pointsOf(series).at(-1)?.value ?? 0)),
    pace: seconds > 0 ? sum(acked.map((series) => counted(series, sinceMs, nowMs))) / seconds : 0,
    profile: steps,
    profileStepSeconds,
  };
}

/** Since when something waits: the last point at which nothing did, else the first of all. A time without a backlog tells no pace. */
function backlogSinceMs(waiting: readonly (readonly TimedValue[])[], nowMs: number): number {
  const times = waiting.flatMap((points) => points.map(({ atMs }) => atMs));
  const waitedAt = (atMs: number): number =>
    sum(waiting.map((points) => points.findLast((point) => point.atMs <= atMs)?.value ?? 0));
  const idle = times.filter((atMs) => waitedAt(atMs) === 0);
  return idle.length > 0 ? Math.max(...idle) : Math.min(nowMs, ...times);
}

interface TimedValue {
  readonly atMs: number;
  readonly sinceMs: number;
  readonly value: number;
}

async function list(
  { client, projectId, subscriptions }: BacklogSource,
  name: string,
  nowMs: number,
  forSeconds: number,
): Promise<readonly TimeSeries[]> {
  const ids = subscriptions.map((id) => JSON.stringify(id)).join(',');
  const filter = `metric.type = "pubsub.googleapis.com/subscription/${name}" AND resource.labels.subscription_id = one_of(${ids})`;
  const interval = { startTime: timestamp(nowMs - forSeconds * 1000), endTime: timestamp(nowMs) };
  const [series] = await client.listTimeSeries({ name: `projects/${projectId}`, filter, interval, view: 'FULL' });
  return series;
}

/** The oldest first. */
function pointsOf({ points }: TimeSeries): TimedValue[] {
  return (points ?? []).map(timed).sort((a, b) => a.atMs - b.atMs);
}

/** How much a counter grew from one instant to another, whether its points are differences or running totals. */
function counted(series: TimeSeries, sinceMs: number, untilMs: number): number {
  const inside = pointsOf(series).filter(({ atMs }) => atMs > sinceMs && atMs <= untilMs);
  if (series.metricKind === 'DELTA') return sum(inside.map(({ value }) => value));
  const before = pointsOf(series).findLast(({ atMs }) => atMs <= sinceMs);
  let grown = 0;
  let last = before;
  for (const point of inside) {
    // A total that begins anew counts from its own beginning.
    grown += last && last.sinceMs === point.sinceMs ? point.value - last.value : point.value;
    last = point;
  }
  return grown;
}

function timed({ interval, value }: Point): TimedValue {
  return {
    atMs: ms(interval?.endTime),
    sinceMs: ms(interval?.startTime),
    value: Number(value?.doubleValue ?? value?.int64Value ?? 0),
  };
}

function ms(at: protos.google.protobuf.ITimestamp | null | undefined): number {
  return Number(at?.seconds ?? 0) * 1000 + (at?.nanos ?? 0) / 1e6;
}

function timestamp(atMs: number): protos.google.protobuf.ITimestamp {
  return { seconds: Math.floor(atMs / 1000), nanos: Math.round((atMs % 1000) * 1e6) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
