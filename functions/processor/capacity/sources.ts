import type { WallClock } from '../../../shared/runtime/clock.ts';
import type { Values } from '../../../shared/runtime/config/read-config.ts';
import type { CapacitySourceName, functionSchema } from '../config.ts';
import type { SubscriptionPolicy } from '../subscription-policies.ts';
import type { CapacitySource } from './ask-sources.ts';
import { gatewaySource } from './gateway-source.ts';
import { googleCredentials } from './google-credentials.ts';
import { createMonitoring } from './monitoring.ts';
import { monitoringSource } from './monitoring-sources.ts';
import { type PrometheusApi, promqlSource } from './promql-source.ts';
import { scrapeSource } from './scrape-source.ts';

/** The variables that name the sources, and narrow what they read. */
export type CapacitySettings = Pick<
  Values<typeof functionSchema>,
  | 'capacitySources'
  | 'capacityScrapeUrl'
  | 'capacityPromql'
  | 'capacityMaxAgeMs'
  | 'gkeCluster'
  | 'gkeNamespace'
  | 'monitoringProject'
  | 'projectId'
  | 'monitoringApiEndpoint'
  | 'prometheusApiUrl'
>;

/** Gives each policy's pool the sources that the configuration names, in their order. One connection serves all pools. */
export function capacitySources(
  settings: CapacitySettings,
  wall: WallClock,
): (policy: SubscriptionPolicy) => CapacitySource[] {
  const project = settings.monitoringProject ?? settings.projectId;
  const monitoring = createMonitoring({ project, endpoint: settings.monitoringApiEndpoint }, wall);
  const { capacityPromql, capacityScrapeUrl, capacityMaxAgeMs } = settings;
  const source = (name: CapacitySourceName, { gatewayUrl, poolName }: SubscriptionPolicy): CapacitySource => {
    switch (name) {
      case 'none':
        return { name, read: async () => ({ source: name, saturation: 0, ageMs: 0 }) };
      case 'gateway':
        return gatewaySource(gatewayUrl, wall);
      case 'scrape':
        return capacityScrapeUrl ? scrapeSource(capacityScrapeUrl, poolName) : { name, read: async () => undefined };
      default: {
        const scope = { poolName, cluster: settings.gkeCluster, namespace: settings.gkeNamespace };
        return monitoringSource(name, monitoring, scope, capacityMaxAgeMs, wall);
      }
    }
  };
  if (capacityPromql === undefined) return (policy) => settings.capacitySources.map((name) => source(name, policy));
  const promql = promqlSource(capacityPromql, prometheusApi(settings.prometheusApiUrl, project), wall);
  return () => [promql];
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
