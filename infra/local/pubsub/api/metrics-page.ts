import type { Backlog } from '../broker/backlog.ts';
import type { Broker } from '../broker/broker.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { nameParts } from '../catalog/resource-names.ts';

/** What `GET /metrics` of the local Pub/Sub reads. */
export interface MetricsSources {
  readonly catalog: Pick<Catalog, 'subscriptions'>;
  readonly backlog: Pick<Backlog, 'waiting'>;
  readonly broker: Pick<Broker, 'acknowledged'>;
}

const metrics = [
  ['num_undelivered_messages', 'gauge'],
  ['oldest_unacked_message_age', 'gauge'],
  ['ack_message_count', 'counter'],
] as const;

/**
 * The metrics of subscriptions that Google's Pub/Sub gives Cloud Monitoring, as a Prometheus page: `pubsub.googleapis.com/subscription/NAME` is
 * `pubsub_subscription_NAME` here. Source: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub
 */
export function metricsPage({ catalog, backlog, broker }: MetricsSources, nowMs: number): string {
  const rows = catalog.subscriptions().map(({ id, config }) => {
    const { count, oldestPublishTimeMs } = backlog.waiting(id);
    const ageSeconds = oldestPublishTimeMs === undefined ? 0 : Math.max(0, nowMs - oldestPublishTimeMs) / 1000;
    const labels = `{project_id="${nameParts(config.name).project}",subscription_id="${nameParts(config.name).id}"}`;
    return { labels, values: [count, Math.floor(ageSeconds), broker.acknowledged(id)] };
  });
  return metrics
    .flatMap(([name, type], index) => [
      `# TYPE pubsub_subscription_${name} ${type}`,
      ...rows.map(({ labels, values }) => `pubsub_subscription_${name}${labels} ${values[index]}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}
