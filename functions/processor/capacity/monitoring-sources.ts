import { msBetween, type WallClock } from '../../../shared/runtime/clock.ts';
import type { CapacitySource } from './ask-sources.ts';
import { capacityMetrics } from './capacity-metrics.ts';
import { currentGauges } from './gauges.ts';
import { MetricNames } from './metric-names.ts';
import type { ReadSeries } from './monitoring.ts';
import { type MetricScope, monitoringFilter } from './monitoring-filter.ts';
import { averageLoad, type PoolLoad, reportedLoad, serversLoad } from './pool-load.ts';

/** The sources that read Cloud Monitoring. */
export type MonitoringSourceName = 'flow-control' | 'pool' | 'vllm';

const { saturation, readyServers, averageQueue, averageKvCache, serverQueue, serverKvCache } = capacityMetrics;

const loads: Readonly<Record<MonitoringSourceName, (metrics: MetricNames) => Promise<PoolLoad | undefined>>> = {
  'flow-control': async (metrics) => reportedLoad(...(await metrics.all(saturation, readyServers))),
  pool: async (metrics) => averageLoad(...(await metrics.all(averageQueue, averageKvCache, readyServers))),
  vllm: async (metrics) => serversLoad(...(await metrics.all(serverQueue, serverKvCache))),
};

/** A source that computes a pool's load from Cloud Monitoring's newest points. */
export function monitoringSource(
  name: MonitoringSourceName,
  read: ReadSeries,
  scope: MetricScope,
  maxAgeMs: number,
  wall: WallClock,
): CapacitySource {
  const metrics = new MetricNames(async (metricName, metric) =>
    currentGauges(await read(monitoringFilter(metricName, metric, scope), maxAgeMs), maxAgeMs, wall.unixMs()),
  );
  return {
    name,
    read: async () => {
      const load = await loads[name](metrics);
      if (!load) return undefined;
      const { asOfMs, ...said } = load;
      // Another machine's clock may run ahead.
      return { source: name, ...said, ageMs: Math.max(0, msBetween(asOfMs, wall.unixMs())) };
    },
  };
}
