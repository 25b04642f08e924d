import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type EjectionReason, ejectionReasons } from '../endpoint/health/ejection.ts';
import type { RoutingRequest } from '../request.ts';
import type { Router } from '../router.ts';
import { FlowMetrics, type RequestSeries } from './flow-metrics.ts';
import { LabelSet } from './label-set.ts';
import { counters, gauges, histograms, own, type Twin } from './metric-definitions.ts';
import { rounded } from './recent-choices.ts';
import { type LabelValues, only, TwinCounter, TwinHistogram } from './twin-series.ts';

/** What the metrics are read from. */
export interface MetricsSources {
  readonly poolName: string;
  readonly router: Router;
  /** Priorities of the configured objectives: their queues read 0 when nothing waits. */
  readonly priorities: () => readonly number[];
}

/** What a request is counted by. */
type Flow = Pick<RoutingRequest, 'model' | 'askedModel' | 'tenant' | 'priority'>;

/** Of each kind. Derived: more than a pool has models or objectives. */
const mostLabelValues = 200;
/** Each has some hundred and fifty series of its own. Derived: 30,000 series, a page of some 5 MB. */
const mostFlows = 200;
const otherTenant = { fairness_id: 'other' };
const otherModel = { ...otherTenant, model_name: 'other', target_model_name: 'other' };

type GaugeReading = (set: (labels: LabelValues, value: number) => void) => void;

/** The gateway's Prometheus metrics. Gauges are read when they are scraped: none keeps a value from before. */
export class Metrics {
  readonly registry = new Registry();
  /** Of requests that were turned away before their model or tenant were known to be real. */
  readonly unknownFlow: FlowMetrics;
  readonly #labels = new FlowLabels();
  readonly #series: RequestSeries = {
    counters: mapValues(counters, (twin) => new TwinCounter(twin)),
    histograms: mapValues(histograms, (twin) => new TwinHistogram(twin)),
  };
  readonly #flows = new Map<string, FlowMetrics>();
  readonly #evictedTokens: Counter;
  readonly #ejections: Counter<'reason'>;

  constructor(sources: MetricsSources) {
    const nothing = { model_name: '', target_model_name: '', fairness_id: '', priority: '' };
    this.unknownFlow = new FlowMetrics(this.#series, nothing);
    const { counters, histograms } = this.#series;
    for (const series of [...Object.values(counters), ...Object.values(histograms)]) {
      for (const metric of series.metrics) this.registry.registerMetric(metric);
    }
    // Of the process: memory, collections, how long the event loop stood.
    collectDefaultMetrics({ register: this.registry });
    const readings = gaugeReadings(sources, this.#labels);
    for (const name of Object.keys(gauges) as (keyof typeof gauges)[]) this.#gauge(gauges[name], readings[name]);
    this.#plainGauge(own.realtimeRunning, () =>
      countOf(sources.router.requests, ({ running, workClass }) => running && workClass === 'realtime'),
    );
    this.#plainGauge(own.realtimeSaturation, () => rounded(sources.router.pool.realtimeSaturation));
    const registers = [this.registry];
    const { predictionError, evictedTokens, ejections } = own;
    new Gauge({
      name: predictionError.name,
      help: predictionError.help,
      labelNames: predictionError.labels,
      registers,
      collect() {
        this.reset();
        for (const { host, latency } of sources.router.pool.usable) {
          if (latency.samples > 0) this.set({ model_server_endpoint: host }, latency.ttftError);
        }
      },
    });
    this.#evictedTokens = new Counter({ name: evictedTokens.name, help: evictedTokens.help, registers });
    this.#ejections = new Counter({
      name: ejections.name,
      help: ejections.help,
      labelNames: ejections.labels,
      registers,
    });
    for (const reason of ejectionReasons) this.#ejections.inc({ reason }, 0);
  }

  countEjection(reason: EjectionReason): void {
    this.#ejections.inc({ reason });
  }

  countEvictedTokens(tokens: number): void {
    this.#evictedTokens.inc(tokens);
  }

  /** Tenants that come later than the limit are one for each model, and models that come later than as many again are one. */
  flow(flow: Flow): FlowMetrics {
    const labels = this.#labels.of(flow);
    return (
      this.#flowOf(labels, mostFlows) ??
      this.#flowOf({ ...labels, ...otherTenant }, 2 * mostFlows) ??
      this.#flowOf({ ...labels, ...otherModel })
    );
  }

  #flowOf(labels: FlowLabelValues): FlowMetrics;
  #flowOf(labels: FlowLabelValues, most: number): FlowMetrics | undefined;
  #flowOf(labels: FlowLabelValues, most = Number.POSITIVE_INFINITY): FlowMetrics | undefined {
    const key = keyOf(labels);
    let flow = this.#flows.get(key);
    if (!flow && this.#flows.size < most) {
      flow = new FlowMetrics(this.#series, labels);
      this.#flows.set(key, flow);
    }
    return flow;
  }

  #gauge(twin: Twin, read: GaugeReading): void {
    for (const { labelNames, ...common } of this.#generations(twin)) {
      new Gauge({
        ...common,
        labelNames,
        collect() {
          this.reset();
          read((labels, value) => this.inc(only(labelNames, labels), value));
        },
      });
    }
  }

  #plainGauge({ name, help }: { name: string; help: string }, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  #generations({ older, newer, help, olderLabels, newerLabels }: Twin) {
    const registers = [this.registry];
    return [
      { name: older, help: `${help}. Newer name: ${newer}`, labelNames: [...olderLabels], registers },
      { name: newer, help, labelNames: [...newerLabels], registers },
    ];
  }
}

type FlowLabelValues = Readonly<Record<'model_name' | 'target_model_name' | 'fairness_id' | 'priority', string>>;

function keyOf({ model_name, target_model_name, fairness_id, priority }: FlowLabelValues): string {
  return `${model_name}\n${target_model_name}\n${fairness_id}\n${priority}`;
}

/** What clients choose is of bounded variety as a label. */
class FlowLabels {
  readonly #models = new LabelSet(mostLabelValues);
  readonly #tenants = new LabelSet(mostLabelValues);

  of({ model, askedModel, tenant, priority }: Flow): FlowLabelValues {
    const name = this.#models.of(model);
    return {
      model_name: askedModel === undefined ? name : this.#models.of(askedModel),
      target_model_name: name,
      fairness_id: this.#tenants.of(tenant),
      priority: String(priority),
    };
  }
}

/** Series that coincide, as tenants do under a label set without them, add up. */
function gaugeReadings(
  sources: MetricsSources,
  labels: FlowLabels,
): Readonly<Record<keyof typeof gauges, GaugeReading>> {
  const { poolName, router } = sources;
  const { pool } = router;
  const name = { name: poolName };
  const average = (of: (reading: { waiting: number; kvCacheUtilization: number }) => number): GaugeReading => {
    return (set) => {
      const values = pool.usable.flatMap(({ reading }) => (reading ? [of(reading)] : []));
      if (values.length > 0) set(name, values.reduce((sum, value) => sum + value, 0) / values.length);
    };
  };
  return {
    readyEndpoints: (set) => set(name, pool.usable.length),
    averageKvCache: average(({ kvCacheUtilization }) => kvCacheUtilization),
    averageQueue: average(({ waiting }) => waiting),
    endpointQueue: (set) => {
      for (const { host, reading } of pool.usable) {
        if (reading) set({ ...name, model_server_pod: host, model_server_endpoint: host }, reading.waiting);
      }
    },
    saturation: (set) => set({ inference_pool: poolName }, rounded(pool.saturation)),
    queued: (set) => {
      const empty = { inference_pool: poolName, model_name: '', target_model_name: '', fairness_id: '' };
      for (const priority of new Set(sources.priorities())) set({ ...empty, priority: String(priority) }, 0);
      for (const { request } of router.queued) set({ ...labels.of(request), inference_pool: poolName }, 1);
    },
    running: (set) => {
      for (const { running, request } of router.requests) if (running) set(labels.of(request), 1);
    },
  };
}

function countOf<T>(items: Iterable<T>, matches: (item: T) => boolean): number {
  let count = 0;
  for (const item of items) if (matches(item)) count += 1;
  return count;
}

function mapValues<K extends string, A, B>(record: Readonly<Record<K, A>>, map: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries<A>(record).map(([key, value]) => [key, map(value)])) as Record<K, B>;
}
