import type { Served, ServiceLevels } from './pool/client-request.ts';

/** Times in milliseconds, shares in [0, 1]. */
export interface Figures {
  readonly requests: number;
  readonly ttftMean: number;
  readonly ttftP50: number;
  readonly ttftP90: number;
  readonly ttftP95: number;
  readonly ttftP99: number;
  readonly tpotP50: number;
  readonly tpotP95: number;
  readonly tpotP99: number;
  /** Of the service level that was promised; NaN where none was. */
  readonly missed: number;
  /** Of prompt tokens, found in the prefix cache. */
  readonly cached: number;
  /** Median of |predicted − seen| / seen over TTFTs. */
  readonly predictionError: number;
}

/** What an async backlog got. */
export interface AsyncFigures {
  /** Prompt and generated tokens a second, of requests that were served within the time. */
  readonly tokensPerSecond: number;
  readonly served: number;
  readonly refused: number;
  readonly evicted: number;
  /** Messages that were given up. */
  readonly lost: number;
  /** Generated and thrown away. */
  readonly wastedTokens: number;
  /** Requests that were served in each second, for as long as the backlog lasted. */
  readonly servedBySecond: readonly number[];
}

export const noAsync: AsyncFigures = {
  tokensPerSecond: 0,
  served: 0,
  refused: 0,
  evicted: 0,
  lost: 0,
  wastedTokens: 0,
  servedBySecond: [],
};

export function figuresOf(served: readonly Served[], slo: ServiceLevels | undefined): Figures {
  const ttfts = sorted(served.map(({ ttftMs }) => ttftMs));
  const tpots = sorted(served.map(({ tpotMs }) => tpotMs));
  const errors = sorted(served.map(({ ttftMs, predictedTtftMs }) => Math.abs(predictedTtftMs - ttftMs) / ttftMs));
  return {
    requests: served.length,
    ttftMean: total(ttfts) / ttfts.length,
    ttftP50: quantile(ttfts, 0.5),
    ttftP90: quantile(ttfts, 0.9),
    ttftP95: quantile(ttfts, 0.95),
    ttftP99: quantile(ttfts, 0.99),
    tpotP50: quantile(tpots, 0.5),
    tpotP95: quantile(tpots, 0.95),
    tpotP99: quantile(tpots, 0.99),
    missed: slo ? served.filter((each) => misses(each, slo)).length / served.length : Number.NaN,
    cached:
      total(served.map(({ cachedTokens }) => cachedTokens)) / total(served.map(({ promptTokens }) => promptTokens)),
    predictionError: quantile(errors, 0.5),
  };
}

/** Each figure's mean over several runs. */
export function meanOf(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]!) as (keyof Figures)[];
  const means = names.map((name) => [name, total(runs.map((run) => run[name])) / runs.length]);
  return Object.fromEntries(means) as unknown as Figures;
}

function misses({ ttftMs, tpotMs }: Served, slo: ServiceLevels): boolean {
  return ttftMs > slo.ttftMs || tpotMs > slo.tpotMs;
}

function sorted(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

function quantile(values: Float64Array, share: number): number {
  return values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
