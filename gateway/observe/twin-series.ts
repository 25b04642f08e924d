import type { Metric } from 'prom-client';
import type { Label, Twin } from './metric-definitions.ts';

/** Values of some labels; a metric takes those that it has. */
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
abstract class TwinSeries<Cell extends Addable<Cell>> {
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

  /** The one series of these labels: exposed from now on. */
  of(labels: LabelValues): Cell {
    const key = keyOf(this.#twin.newerLabels, labels);
    let found = this.#cells.get(key);
    if (!found) {
      found = { labels, cell: this.empty() };
      this.#cells.set(key, found);
    }
    return found.cell;
  }

  protected abstract empty(): Cell;
  protected abstract expose(name: string, labels: Readonly<Record<string, string>>, cell: Cell): readonly Exposed[];

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
      sum.cell.add(cell);
    }
    return [...sums.values()].flatMap(({ labels, cell }) => this.expose(name, labels, cell));
  }
}

interface Addable<Cell> {
  add(more: Cell): void;
}

/** The value of one counter series. */
export class Count implements Addable<Count> {
  value = 0;

  increase(): void {
    this.value += 1;
  }

  add({ value }: Count): void {
    this.value += value;
  }
}

/** A counter under its names in both generations. */
export class TwinCounter extends TwinSeries<Count> {
  readonly type = 'counter';

  protected override empty(): Count {
    return new Count();
  }

  protected override expose(_: string, labels: Readonly<Record<string, string>>, { value }: Count) {
    return [{ labels, value }];
  }
}

/** The value of one histogram series. */
export class Distribution implements Addable<Distribution> {
  sum = 0;
  /** Per bucket, not cumulative; the last is above every bound. */
  readonly counts: Float64Array;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
  }

  add({ counts, sum }: Distribution): void {
    for (const [bucket, count] of counts.entries()) this.counts[bucket] = (this.counts[bucket] as number) + count;
    this.sum += sum;
  }
}

/** A histogram under its names in both generations. */
export class TwinHistogram extends TwinSeries<Distribution> {
  readonly type = 'histogram';
  readonly #bounds: readonly number[];

  constructor(twin: Twin) {
    super(twin);
    this.#bounds = twin.buckets ?? [];
  }

  protected override empty(): Distribution {
    return new Distribution(this.#bounds);
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
