import type { UnixMs } from '../../../shared/runtime/clock.ts';
import { parsePrometheusText } from '../../../shared/runtime/prometheus-text.ts';
import type { CapacitySource } from './ask-sources.ts';
import { boundedGet } from './bounded-get.ts';
import { type CapacityMetric, capacityMetrics } from './capacity-metrics.ts';
import { currentGauges } from './gauges.ts';
import { averageLoad, type PoolLoad, reportedLoad } from './pool-load.ts';

/**
 * One endpoint picker's own metrics: the saturation that it reports, or its averages where flow control is off.
 * @param url without a path, `/metrics`
 * @param poolName reads this pool's series alone
 */
export function scrapeSource(url: string, poolName: string | undefined): CapacitySource {
  const page = new URL(url);
  if (page.pathname === '/') page.pathname = '/metrics';
  return {
    name: 'scrape',
    read: async () => {
      const { status, text } = await boundedGet(page.href);
      if (status === 404) return undefined;
      if (status !== 200) throw new Error(`${page.href} answers ${status}`);
      const load = loadOnPage(text, poolName);
      if (!load) return undefined;
      const { asOfMs: _, ...said } = load;
      return { source: 'scrape', ...said, ageMs: 0 };
    },
  };
}

/** All samples of a page are of one moment: that of the reading. Derived: ages on a page are relative to it. */
const pageAtMs = 0 as UnixMs;

function loadOnPage(text: string, poolName: string | undefined): PoolLoad | undefined {
  const samples = parsePrometheusText(text).map((sample) => ({ ...sample, atMs: pageAtMs }));
  const gauges = ({ names, poolLabel = '' }: CapacityMetric) => {
    const ofPool = samples.filter(({ labels }) => poolName === undefined || labels[poolLabel] === poolName);
    const byName = names.map((name) =>
      currentGauges(
        ofPool.filter((sample) => sample.name === name),
        0,
        pageAtMs,
      ),
    );
    return byName.find((found) => found.length > 0) ?? [];
  };
  const ready = gauges(capacityMetrics.readyServers);
  return (
    reportedLoad(gauges(capacityMetrics.saturation), ready) ??
    averageLoad(gauges(capacityMetrics.averageQueue), gauges(capacityMetrics.averageKvCache), ready)
  );
}
