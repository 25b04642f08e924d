import type { protos } from '@google-cloud/monitoring';
import { later, type UnixMs, type WallClock } from '../../../shared/runtime/clock.ts';
import type { GaugePoint } from './gauges.ts';

/** Which Cloud Monitoring is read. */
export interface MonitoringOptions {
  /** The environment's where absent. */
  readonly project: string | undefined;
  /** `host:port` of a local Monitoring, over plaintext. */
  readonly endpoint: string | undefined;
}

/** The newest point of each series that matches a filter and has one younger than `maxAgeMs`. */
export type ReadSeries = (filter: string, maxAgeMs: number) => Promise<readonly GaugePoint[]>;

type TimeSeries = protos.google.monitoring.v3.ITimeSeries;
type Point = protos.google.monitoring.v3.IPoint;
type Timestamp = protos.google.protobuf.ITimestamp;

/** The library's own retries would outlast the period. Derived: as long as every other source may take for a page. */
const callOptions = { timeout: 2000, retry: null };

/**
 * Cloud Monitoring. The library is loaded, and connects, with the first query: a function that reads other sources does not pay for it.
 * Points are read as they were written: an aligner would round their age to minutes.
 */
export function createMonitoring(options: MonitoringOptions, wall: WallClock): ReadSeries {
  let connection: ReturnType<typeof connect> | undefined;
  return async (filter, maxAgeMs) => {
    connection ??= connect(options);
    // A project or credentials that could not be found are looked for again.
    connection.catch(() => {
      connection = undefined;
    });
    const { client, project } = await connection;
    const nowMs = wall.unixMs();
    const interval = { startTime: timestamp(later(nowMs, -maxAgeMs)), endTime: timestamp(nowMs) };
    const request = { name: `projects/${project}`, filter, interval, view: 'FULL' } as const;
    const [series] = await client.listTimeSeries(request, callOptions);
    return series.flatMap(newestPoint);
  };
}

async function connect({ project, endpoint }: MonitoringOptions) {
  const { connectMonitoring } = await import('./monitoring-client.ts');
  const client = connectMonitoring(endpoint);
  const known = project ?? (await client.getProjectId());
  // The first call would do it too, but its failure could not be caught there, and would stay.
  await client.initialize();
  return { client, project: known };
}

function newestPoint({ metric, resource, points }: TimeSeries): GaugePoint[] {
  const labels = { ...resource?.labels, ...metric?.labels };
  const gauges = (points ?? []).map((point) => ({ labels, value: numberOf(point), atMs: endOf(point) }));
  const [newest] = gauges.sort((a, b) => b.atMs - a.atMs);
  return newest ? [newest] : [];
}

/** An int64 comes as text. */
function numberOf({ value }: Point): number {
  return Number(value?.doubleValue ?? value?.int64Value ?? Number.NaN);
}

function endOf({ interval }: Point): UnixMs {
  return (Number(interval?.endTime?.seconds ?? 0) * 1000 + (interval?.endTime?.nanos ?? 0) / 1e6) as UnixMs;
}

function timestamp(atMs: UnixMs): Timestamp {
  const seconds = Math.floor(atMs / 1000);
  return { seconds, nanos: Math.round((atMs - seconds * 1000) * 1e6) };
}
