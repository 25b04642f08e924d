import type { PolicyName } from '../../gateway/choose/policies/policies.ts';
import { presets } from '../../infra/local/model-server/engine/presets.ts';
import { runRouting } from './routing-run.ts';
import type { ServiceLevels } from './simulated-request.ts';
import { readTrace, type TraceName } from './traces.ts';
import { workloadOf } from './workload.ts';

export const presetName = 'h100-80g-llama3.1-8b-tp1';

/** A way to route: a policy of ours, or how an endpoint picker works without a queue of its own. */
export type Router = PolicyName | 'endpoint picker';

export interface RoutingJob {
  readonly trace: TraceName;
  readonly endpoints: number;
  /** For each endpoint. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly router: Router;
  readonly slo: ServiceLevels;
  readonly seed: number;
}

/** Figures of one run; times in milliseconds, shares in [0, 1]. */
export interface RoutingFigures {
  readonly requests: number;
  readonly ttftMean: number;
  readonly ttftP50: number;
  readonly ttftP95: number;
  readonly ttftP99: number;
  readonly tpotP50: number;
  readonly tpotP99: number;
  readonly missed: number;
  /** Of prompt tokens, found in the prefix cache. */
  readonly cached: number;
  /** Median of |predicted − seen| / seen over TTFTs. */
  readonly predictionError: number;
}

const preset = presets[presetName]!;

export function runRoutingJob({ trace, endpoints, perSecond, seconds, router, slo, seed }: RoutingJob): RoutingFigures {
  const requests = workloadOf(readTrace(trace), { perSecond: perSecond * endpoints, seconds, seed });
  const isPicker = router === 'endpoint picker';
  const served = runRouting({
    requests,
    endpoints,
    preset,
    policy: isPicker ? 'gie' : router,
    lateBinding: !isPicker,
    metricsRefreshMs: isPicker ? 50 : 250,
    slo,
    seed,
  });
  const ttfts = sorted(served.map(({ ttftMs }) => ttftMs));
  const tpots = sorted(served.map(({ tpotMs }) => tpotMs));
  const errors = sorted(served.map(({ ttftMs, predictedTtftMs }) => Math.abs(predictedTtftMs - ttftMs) / ttftMs));
  const misses = served.filter(({ ttftMs, tpotMs }) => ttftMs > slo.ttftMs || tpotMs > slo.tpotMs);
  return {
    requests: served.length,
    ttftMean: total(ttfts) / ttfts.length,
    ttftP50: quantile(ttfts, 0.5),
    ttftP95: quantile(ttfts, 0.95),
    ttftP99: quantile(ttfts, 0.99),
    tpotP50: quantile(tpots, 0.5),
    tpotP99: quantile(tpots, 0.99),
    missed: misses.length / served.length,
    cached:
      total(served.map(({ cachedTokens }) => cachedTokens)) / total(served.map(({ promptTokens }) => promptTokens)),
    predictionError: quantile(errors, 0.5),
  };
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
