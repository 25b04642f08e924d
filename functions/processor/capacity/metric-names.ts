import type { CapacityMetric } from './capacity-metrics.ts';
import type { GaugePoint } from './gauges.ts';

/**
 * Reads metrics under whichever of their names has data, the newer name first. What had data is asked for alone, until it has none: a
 * steady pool costs one query a metric, and one whose metrics are renamed is found again a reading later.
 */
export class MetricNames {
  readonly #read: (name: string, metric: CapacityMetric) => Promise<readonly GaugePoint[]>;
  readonly #known = new Map<CapacityMetric, string>();

  /** @param read gives the current gauges of the metric under one of its names. */
  constructor(read: (name: string, metric: CapacityMetric) => Promise<readonly GaugePoint[]>) {
    this.#read = read;
  }

  /** Of each metric its gauges, all asked for at once. Rejects when one could be asked for under none of its names. */
  async all<const M extends readonly CapacityMetric[]>(
    ...metrics: M
  ): Promise<{ readonly [K in keyof M]: readonly GaugePoint[] }> {
    const gauges = await Promise.all(metrics.map((metric) => this.#gauges(metric)));
    return gauges as { readonly [K in keyof M]: readonly GaugePoint[] };
  }

  async #gauges(metric: CapacityMetric): Promise<readonly GaugePoint[]> {
    const known = this.#known.get(metric);
    const names = known === undefined ? metric.names : [known];
    const answers = await Promise.allSettled(names.map((name) => this.#read(name, metric)));
    const found = answers.findIndex((answer) => answer.status === 'fulfilled' && answer.value.length > 0);
    const name = names[found];
    if (name === undefined) this.#known.delete(metric);
    else this.#known.set(metric, name);
    const answer = answers[found] ?? answers.find(({ status }) => status === 'fulfilled') ?? answers[0];
    if (answer?.status === 'rejected') throw answer.reason;
    return answer?.value ?? [];
  }
}
