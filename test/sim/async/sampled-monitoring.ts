import type { GaugePoint } from '../../../functions/processor/capacity/gauges.ts';
import type { ReadSeries } from '../../../functions/processor/capacity/monitoring.ts';
import { metricNames } from '../../../shared/inference-gateway/metric-names.ts';
import { msBetween } from '../../../shared/runtime/clock.ts';
import type { SimulatedGateway } from '../pool/simulated-gateway.ts';

/** Protocol: the interval of Google Managed Prometheus as it is deployed by default. */
const sampleEveryMs = 60_000;
/** Time from taking a point to seeing it; Google says up to 240 s. */
const delayMs = 90_000;

/** Cloud Monitoring between an endpoint picker and the function: one series, sampled and late. */
export function sampledMonitoring(gateway: SimulatedGateway): ReadSeries {
  const { clock } = gateway;
  const points: GaugePoint[] = [];
  const sample = (): void => {
    points.push({ labels: { inference_pool: 'pool' }, value: gateway.saturation, atMs: clock.unixMs() });
    clock.after(sampleEveryMs, sample);
  };
  sample();
  return async (filter, maxAgeMs) => {
    if (!filter.includes(metricNames.saturation.newer)) return [];
    const nowMs = clock.unixMs();
    const seen = points.filter(({ atMs }) => {
      const ageMs = msBetween(atMs, nowMs);
      return ageMs >= delayMs && ageMs <= maxAgeMs;
    });
    return seen.slice(-1);
  };
}
