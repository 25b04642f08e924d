import type { UnixMs } from '../../../shared/runtime/clock.ts';

/** The newest point of one time series. */
export interface GaugePoint {
  /** Those of the metric and of its resource. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** When it was taken. */
  readonly atMs: UnixMs;
}

/** Protocol: two sampling intervals of Google Managed Prometheus as it is deployed by default. */
const silentMs = 120_000;

/**
 * The gauges that still say something; infinity says full. Left out are NaN and negative values, points older than `maxAgeMs`, and
 * series that fell silent while others went on saying something: Monitoring shows the last point of a server that was scaled in, or of
 * a replaced endpoint picker, for minutes, and nothing tells it from one that cannot be scraped.
 */
export function currentGauges(gauges: readonly GaugePoint[], maxAgeMs: number, nowMs: UnixMs): GaugePoint[] {
  const telling = gauges.filter(({ value }) => value >= 0);
  const newestMs = Math.max(...telling.map(({ atMs }) => atMs));
  const oldestMs = Math.max(nowMs - maxAgeMs, newestMs - silentMs);
  return telling.filter(({ atMs }) => atMs >= oldestMs);
}
