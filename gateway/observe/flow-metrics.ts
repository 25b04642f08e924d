import type { FailureCode } from '../refusal.ts';
import type { counters, histograms } from './metric-definitions.ts';
import type { Count, Distribution, LabelValues, TwinCounter, TwinHistogram } from './twin-series.ts';

/** What every flow's requests add to. */
export interface RequestSeries {
  readonly counters: Readonly<Record<keyof typeof counters, TwinCounter>>;
  readonly histograms: Readonly<Record<keyof typeof histograms, TwinHistogram>>;
}

type Observed = keyof typeof histograms;

/** The metrics of one flow, which is a model, a tenant and a priority: its series are looked up once, not with each of its requests. */
export class FlowMetrics {
  readonly #series: RequestSeries;
  readonly #labels: LabelValues;
  readonly #observed = new Map<Observed, Distribution>();
  readonly #ttfts: (Distribution | undefined)[] = [undefined, undefined];
  #requests: Count | undefined;

  constructor(series: RequestSeries, labels: LabelValues) {
    this.#series = series;
    this.#labels = labels;
  }

  countRequest(): void {
    this.#requests ??= this.#series.counters.requests.of(this.#labels);
    this.#requests.increase();
  }

  /** @param code the gateway's, or the status that an endpoint answered. */
  countError(code: FailureCode | `${number}`): void {
    this.#series.counters.errors.of({ ...this.#labels, error_code: code }).increase();
  }

  observeTtft(seconds: number, stream: boolean): void {
    const index = Number(stream);
    this.#ttfts[index] ??= this.#series.histograms.ttft.of({ ...this.#labels, streaming: String(stream) });
    this.#ttfts[index].observe(seconds);
  }

  observe(name: Exclude<Observed, 'ttft'>, value: number): void {
    let found = this.#observed.get(name);
    if (!found) {
      found = this.#series.histograms[name].of(this.#labels);
      this.#observed.set(name, found);
    }
    found.observe(value);
  }
}
