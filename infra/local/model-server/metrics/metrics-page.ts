import { Counter, Gauge, Histogram, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string | number>>;

/** Prometheus' text format as vLLM's Python client calls it. */
export const pageContentType = 'text/plain; version=1.0.0; charset=utf-8';

/**
 * Metrics as vLLM's Python client exposes them: every counter and histogram has a gauge `_created` beside it, and all series are there from
 * the start.
 */
export class MetricsPage {
  readonly registry = new Registry();
  readonly #registers = [this.registry];
  readonly #createdSeconds = Date.now() / 1000;

  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** One series for each value of one more label; each is read when the page is made. */
  gauges(name: string, help: string, labels: Labels, label: string, values: Readonly<Record<string, () => number>>) {
    new Gauge({
      name,
      help,
      labelNames: [...Object.keys(labels), label],
      registers: this.#registers,
      collect() {
        for (const [each, value] of Object.entries(values)) this.set({ ...labels, [label]: each }, value());
      },
    });
  }

  /** Read when the page is made. */
  gauge(name: string, help: string, labels: Labels, value: () => number): void {
    const labelNames = Object.keys(labels);
    const registers = this.#registers;
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.set(labels, value());
      },
    });
  }

  /** @param base Its name without `_total`. */
  counter(base: string, help: string, labels: Labels): Counter.Internal {
    const child = this.#counter(base, help, labels).labels(labels);
    child.inc(0);
    this.#created(base, help, [labels]);
    return child;
  }

  /** One counter for each value of one more label. */
  counters<V extends string>(base: string, help: string, labels: Labels, label: string, values: readonly V[]) {
    const sets = values.map((value) => ({ ...labels, [label]: value }));
    const all = this.#counter(base, help, sets[0]!);
    this.#created(base, help, sets);
    const children = sets.map((set) => all.labels(set));
    for (const child of children) child.inc(0);
    return Object.fromEntries(values.map((value, index) => [value, children[index]!])) as Record<V, Counter.Internal>;
  }

  histogram(name: string, help: string, labels: Labels, buckets: readonly number[]): Histogram.Internal<string> {
    const labelNames = Object.keys(labels);
    const all = new Histogram({ name, help, labelNames, registers: this.#registers, buckets: [...buckets] });
    all.zero(labels);
    this.#created(name, help, [labels]);
    return all.labels(labels);
  }

  #counter(base: string, help: string, labels: Labels): Counter {
    return new Counter({ name: `${base}_total`, help, labelNames: Object.keys(labels), registers: this.#registers });
  }

  #created(base: string, help: string, sets: readonly Labels[]): void {
    const labelNames = Object.keys(sets[0]!);
    const gauge = new Gauge({ name: `${base}_created`, help, labelNames, registers: this.#registers });
    for (const labels of sets) gauge.set(labels, this.#createdSeconds);
  }
}
