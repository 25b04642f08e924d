import type { Metric } from 'prom-client';
import type { Label, Twin } from './metric-definitions.ts';

export type LabelValues = Readonly<Partial<Record<Label, string>>>;

interface Exposed {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * The series of a metric under both generations of its name. A request adds to one series, that of the finer labels; each
 * generation is added up from those when it is scraped, because requests are many and scrapes are few.
 */
abstract class TwinSeries<Cell> {
  abstract readonly type: 'counter' | 'histogram';
  readonly #twin: Twin;
  readonly #cells = new Map<string, { readonly labels: LabelValues; readonly cell: Cell }>();

  constructor(twin: Twin) {
    this.#twin = twin;
  }

  /** Both generations, as a registry takes them. */
  get metrics(): readonly Metric[] {
    const { older, newer, help, olderLabels, newerLabels } = this.#twin;
    return [
      this.#exposition(older, `${help}. Newer name: ${newer}`, olderLabels),
      this.#exposition(newer, help, newerLabels),
    ];
  }

  protected abstract empty(): Cell;
  protected abstract add(into: Cell, more: Cell): void;
  protected abstract expose(name: string, labels: Readonly<Record<string, string>>, cell: Cell): readonly Exposed[];

  protected at(labels: LabelValues): Cell {
    const key = keyOf(this.#twin.newerLabels, labels);
    let found = this.#cells.get(key);
    if (!found) {
      found = { labels, cell: this.empty() };
      this.#cells.set(key, found);
    }
    return found.cell;
  }

  #exposition(name: string, help: string, labelNames: readonly Label[]): Metric {
    const { type } = this;
    const get = () => Promise.resolve({ name, help, type, values: this.#collect(name, labelNames), aggregator: 'sum' });
    // A registry asks its metrics for nothing but this.
    return { name, help, type, get } as unknown as Metric;
  }

  #collect(name: string, labelNames: readonly Label[]): readonly Exposed[] {
    const sums = new Map<string, { readonly labels: Readonly<Record<string, string>>; readonly cell: Cell }>();
    for (const { labels, cell } of this.#cells.values()) {
      const key = keyOf(labelNames, labels);
      const sum = sums.get(key) ?? { labels: only(labelNames, labels), cell: this.empty() };
      sums.set(key, sum);
      this.add(sum.cell, cell);
    }
    return [...sums.values()].flatMap(({ labels, cell }) => this.expose(name, labels, cell));
  }
}

export class TwinCounter extends TwinSeries<{ count: number }> {
  readonly type = 'counter';

  increase(labels: LabelValues): void {
    this.at(labels).count += 1;
  }

  protected override empty() {
    return { count: 0 };
  }

  protected override add(into: { count: number }, { count }: { count: number }): void {
    into.count += count;
  }

  protected override expose(_: string, labels: Readonly<Record<string, string>>, { count }: { count: number }) {
    return [{ labels, value: count }];
  }
}

interface Distribution {
  /** Per bucket, not cumulative; the last is above every bound. */
  readonly counts: Float64Array;
  sum: number;
}

export class TwinHistogram extends TwinSeries<Distribution> {
  readonly type = 'histogram';
  readonly #bounds: readonly number[];

  constructor(twin: Twin) {
    super(twin);
    this.#bounds = twin.buckets ?? [];
  }

  observe(labels: LabelValues, value: number): void {
    const cell = this.at(labels);
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket += 1;
    cell.counts[bucket] = (cell.counts[bucket] as number) + 1;
    cell.sum += value;
  }

  protected override empty(): Distribution {
    return { counts: new Float64Array(this.#bounds.length + 1), sum: 0 };
  }

  protected override add(into: Distribution, { counts, sum }: Distribution): void {
    for (const [bucket, count] of counts.entries()) into.counts[bucket] = (into.counts[bucket] as number) + count;
    into.sum += sum;
  }

  protected override expose(
    name: string,
    labels: Readonly<Record<string, string>>,
    { counts, sum }: Distribution,
  ): readonly Exposed[] {
    let below = 0;
    const buckets = [...counts].map((count, bucket) => {
      below += count;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: this.#bounds[bucket] ?? '+Inf' }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: below },
    ];
  }
}

/** The labels that a generation carries; one that is not known is empty. */
export function only(names: readonly Label[], labels: LabelValues): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) kept[name] = labels[name] ?? '';
  return kept;
}

function keyOf(names: readonly Label[], labels: LabelValues): string {
  let key = '';
  for (const name of names) key += `${labels[name] ?? ''}\n`;
  return key;
}
