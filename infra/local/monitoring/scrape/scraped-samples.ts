import { parsePrometheusText, type Sample } from '../../../../shared/runtime/prometheus-text.ts';
import type { SeriesIdentity } from '../series/time-series.ts';

/** One value of a scrape, under the name that Google Managed Prometheus gives it. */
export interface ScrapedSample {
  readonly identity: SeriesIdentity;
  readonly value: number;
}

/** Labels of the monitored resource `prometheus_target`. */
export const resourceLabelNames = ['project_id', 'location', 'cluster', 'namespace', 'job', 'instance'] as const;

/** What is scraped, as labels name it. */
export interface Target {
  readonly resourceLabels: Readonly<Record<string, string>>;
  /** Added to each series of the target. */
  readonly metricLabels: Readonly<Record<string, string>>;
}

/**
 * Reads a page of metrics as Google Managed Prometheus writes them: `prometheus.googleapis.com/NAME/KIND` on a `prometheus_target`; a label that
 * the resource has as well becomes `exported_…`; an untyped metric is written twice, as `unknown` and `unknown:counter`; NaN stays NaN.
 * Left out: histograms and summaries, which there become distributions and quantiles.
 * Source: https://cloud.google.com/stackdriver/docs/managed-prometheus and its exporter in GoogleCloudPlatform/prometheus.
 */
export function readScrape(text: string, target: Target): ScrapedSample[] {
  const types = declaredTypes(text);
  return parsePrometheusText(text).flatMap((sample) => {
    const type = types.get(sample.name) ?? (isPartOfFamily(sample.name, types) ? 'part' : 'untyped');
    if (type === 'gauge') return [gauge(sample, 'gauge', target)];
    if (type === 'counter') return [counter(sample, 'counter', target)];
    if (type !== 'untyped' && type !== 'unknown') return [];
    return [gauge(sample, 'unknown', target), counter(sample, 'unknown:counter', target)];
  });
}

/** Prometheus' own verdict on a target: 1 when the scrape went well, else 0. */
export function upSample(up: boolean, target: Target): ScrapedSample {
  return gauge({ name: 'up', labels: {}, value: up ? 1 : 0 }, 'gauge', target);
}

function gauge(sample: Sample, kind: string, target: Target): ScrapedSample {
  return {
    identity: { ...names(sample, kind, target), metricKind: 'GAUGE', valueType: 'DOUBLE' },
    value: sample.value,
  };
}

function counter(sample: Sample, kind: string, target: Target): ScrapedSample {
  const identity = { ...names(sample, kind, target), metricKind: 'CUMULATIVE', valueType: 'DOUBLE' } as const;
  return { identity, value: sample.value };
}

function names(sample: Sample, kind: string, { resourceLabels, metricLabels }: Target) {
  const taken: readonly string[] = resourceLabelNames;
  const own = Object.entries(sample.labels).map(([name, value]) => [
    taken.includes(name) ? `exported_${name}` : name,
    value,
  ]);
  const ofPubSub = /^pubsub_subscription_(\w+)$/.exec(sample.name)?.[1];
  if (ofPubSub !== undefined) {
    // What the local Pub/Sub tells of itself stands where Google's own would.
    const type = `pubsub.googleapis.com/subscription/${ofPubSub}`;
    return { metric: { type, labels: {} }, resource: { type: 'pubsub_subscription', labels: sample.labels } };
  }
  return {
    metric: {
      type: `prometheus.googleapis.com/${sample.name}/${kind}`,
      labels: { ...Object.fromEntries(own), ...metricLabels },
    },
    resource: { type: 'prometheus_target', labels: resourceLabels },
  };
}

/** OpenMetrics declares a counter without the `_total` that its samples carry. */
function declaredTypes(text: string): Map<string, string> {
  const types = new Map<string, string>();
  for (const [, name = '', type = ''] of text.matchAll(/^#[ \t]+TYPE[ \t]+(\S+)[ \t]+(\w+)/gm)) {
    types.set(name, type);
    if (type === 'counter' && !name.endsWith('_total')) types.set(`${name}_total`, type);
  }
  return types;
}

function isPartOfFamily(name: string, types: ReadonlyMap<string, string>): boolean {
  const family = name.replace(/_(bucket|sum|count|created)$/, '');
  return family !== name && types.has(family);
}
