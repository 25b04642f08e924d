import type { WallClock } from '../../../shared/runtime/clock.ts';
import type { CapacitySource } from './ask-sources.ts';
import { gatewaySource } from './gateway-source.ts';
import { googleCredentials } from './google-credentials.ts';
import { createMonitoring, type ReadSeries } from './monitoring.ts';
import { type MonitoringSourceName, monitoringSource } from './monitoring-sources.ts';
import { type PrometheusApi, promqlSource } from './promql-source.ts';
import { scrapeSource } from './scrape-source.ts';

/** The variables of the sources. Each is described in config.ts, which takes the sources' names from here. */
export interface CapacitySettings {
  /** Of those that are asked, the order. */
  readonly capacitySources: readonly CapacitySourceName[];
  readonly capacityScrapeUrl: string | undefined;
  readonly capacityPromql: string | undefined;
  readonly capacityMaxAgeMs: number;
  readonly gkeCluster: string | undefined;
  readonly gkeNamespace: string | undefined;
  readonly monitoringProject: string | undefined;
  readonly projectId: string | undefined;
  readonly monitoringApiEndpoint: string | undefined;
  readonly prometheusApiUrl: string | undefined;
}

/** Which pool is read, and the gateway before it. */
interface ReadPool {
  readonly gatewayUrl: string;
  readonly poolName: string | undefined;
}

/** What a source is made from. */
interface SourceParts {
  readonly settings: CapacitySettings;
  readonly pool: ReadPool;
  /** Shared by all pools. */
  readonly monitoring: ReadSeries;
  readonly wall: WallClock;
}

/** Every source under the name by which `CAPACITY_SOURCES` asks for it. A new one is a file of its own and a line here. */
const makers = {
  gateway: ({ pool, wall }) => gatewaySource(pool.gatewayUrl, wall),
  scrape: ({ settings: { capacityScrapeUrl: url }, pool }) =>
    url === undefined ? { name: 'scrape', read: async () => undefined } : scrapeSource(url, pool.poolName),
  'flow-control': (parts) => monitored('flow-control', parts),
  pool: (parts) => monitored('pool', parts),
  vllm: (parts) => monitored('vllm', parts),
  none: () => ({ name: 'none', read: async () => ({ source: 'none', saturation: 0, ageMs: 0 }) }),
} as const satisfies Readonly<Record<string, (parts: SourceParts) => CapacitySource>>;

/** A value of `CAPACITY_SOURCES`. */
export type CapacitySourceName = keyof typeof makers;
/** All of them. */
export const capacitySourceNames = Object.keys(makers) as readonly CapacitySourceName[];

/** Gives each pool the sources that the configuration names, in their order. One connection serves all pools. */
export function capacitySources(settings: CapacitySettings, wall: WallClock): (pool: ReadPool) => CapacitySource[] {
  const project = settings.monitoringProject ?? settings.projectId;
  const { capacityPromql, prometheusApiUrl } = settings;
  if (capacityPromql !== undefined) {
    const promql = promqlSource(capacityPromql, prometheusApi(prometheusApiUrl, project), wall);
    return () => [promql];
  }
  const monitoring = createMonitoring({ project, endpoint: settings.monitoringApiEndpoint }, wall);
  return (pool) => settings.capacitySources.map((name) => makers[name]({ settings, pool, monitoring, wall }));
}

function monitored(name: MonitoringSourceName, { settings, pool, monitoring, wall }: SourceParts): CapacitySource {
  const { gkeCluster: cluster, gkeNamespace: namespace, capacityMaxAgeMs } = settings;
  return monitoringSource(name, monitoring, { poolName: pool.poolName, cluster, namespace }, capacityMaxAgeMs, wall);
}

/** Google's takes the environment's credentials; another is given none. */
function prometheusApi(url: string | undefined, project: string | undefined): PrometheusApi {
  if (url !== undefined) return { baseUrl: async () => url, headers: async () => ({}) };
  const google = googleCredentials();
  const baseUrl = async () => {
    const id = project ?? (await google.projectId());
    return `https://monitoring.googleapis.com/v1/projects/${id}/location/global/prometheus`;
  };
  return { baseUrl, headers: async () => google.headers(await baseUrl()) };
}
