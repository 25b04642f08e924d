import type { GaugePoint } from '../../../functions/processor/capacity/gauges.ts';
import type { ReadSeries } from '../../../functions/processor/capacity/monitoring.ts';
import { metricNames } from '../../../shared/inference-gateway/metric-names.ts';
import { later, msBetween, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { SimulatedGateway } from '../pool/simulated-gateway.ts';

/** Protocol: the interval of Google Managed Prometheus as it is deployed by default. */
const sampleEveryMs = 60_000;
/** Time from taking a point to seeing it; Google says up to 240 s. */
const delayMs = 90_000;

/** Cloud Monitoring between an endpoint picker and the function: one series, sampled and late. */
export function sampledMonitoring(gateway: SimulatedGateway): ReadSeries {
  const newest = newestPoint(gateway);
  return async (filter, maxAgeMs) => {
    if (!filter.includes(metricNames.saturation.newer)) return [];
    const point = newest();
    return point && msBetween(point.atMs, gateway.clock.unixMs()) <= maxAgeMs ? [point] : [];
  };
}

/** Saturation as the same Monitoring shows it now. */
export function sampledSaturation(gateway: SimulatedGateway): () => number | undefined {
  const newest = newestPoint(gateway);
  return () => newest()?.value;
}

function newestPoint(gateway: SimulatedGateway): () => GaugePoint | undefined {
  const { clock } = gateway;
  // The pool was there before the first message, and idle.
  const points = [-2, -1, 0].map((samples) => pointAt(0, later(clock.unixMs(), samples * sampleEveryMs)));
  const sample = (): void => {
    points.push(pointAt(gateway.saturation, clock.unixMs()));
    clock.after(sampleEveryMs, sample);
  };
  clock.after(sampleEveryMs, sample);
  return () => points.findLast(({ atMs }) => msBetween(atMs, clock.unixMs()) >= delayMs);
}

function pointAt(value: number, atMs: UnixMs): GaugePoint {
  return { labels: { inference_pool: 'pool' }, value, atMs };
}
