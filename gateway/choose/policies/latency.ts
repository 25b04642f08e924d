import { type Prediction, usualOutputTokens } from '../../endpoint/latency/load-features.ts';
import { type PromisedSlo, type Slo, sloOf } from '../../slo.ts';
import type { Candidate } from '../candidate.ts';
import type { Policy, Scored } from './policy.ts';

/** How steeply the risk of a miss grows as a promise is used up. */
const steepness = 4;
/** What a prompt that is cached as a whole saves of a load that nothing else tells of. */
const cachedSaves = 0.5;

/**
 * The endpoint that costs all requests least. With t and d, the predicted shares of the promised TTFT and time per token, D requests that
 * generate there, and δ, by which the newcomer raises d for each of them:
 *
 *     cost = t + t⁴ + d⁴ + D · 4d³ · δ
 *
 * The first term is the wait itself, the next two the risk of a miss, the last the same risk for the others: the derivative of d⁴. δ
 * is smaller where a prompt is computed anyway, so that under load prompts gather, and steps without any are left to requests that generate.
 * Where nothing was promised the usual SLO counts. A request that brought an SLO goes only where nine of ten keep it, as long as there
 * is such an endpoint.
 *
 * An endpoint whose predictions cannot be trusted is taken to be as fast for its load as the others are; without any that can, load and
 * cached prefix decide.
 */
export const latency: Policy = {
  meaning:
    'the lowest predicted cost to everyone: TTFT and time per token as learned from what each endpoint shows, its prefix cache included',
  score: latencyScores,
};

type LatencyCandidate = Pick<Candidate, 'load' | 'prefixShare' | 'prediction'> & {
  readonly features: Pick<Candidate['features'], 'decodes'>;
};

function latencyScores(candidates: readonly LatencyCandidate[], request: PromisedSlo): Scored {
  if (!candidates.some(({ prediction }) => prediction.trusted)) {
    const costs = candidates.map(({ load, prefixShare }) => (1 + load) * (1 - cachedSaves * prefixShare));
    return { scores: lowestFirst(costs), rule: 'load and cached prefix: no prediction can be trusted yet' };
  }
  const { ttftSloMs, tpotSloMs } = request;
  const slo = sloOf(request);
  const costs = trustworthy(
    candidates,
    candidates.map((candidate) => costOf(candidate, slo)),
  );
  const kept = candidates.map(({ prediction }) => keeps(prediction, ttftSloMs, tpotSloMs));
  const rule = 'the lowest predicted cost to everyone';
  if (kept.every(Boolean)) return { scores: lowestFirst(costs), rule };
  if (!kept.some(Boolean)) return { scores: lowestFirst(costs), rule: `${rule}: none should keep the SLO` };
  const among = costs.map((cost, index) => (kept[index] ? cost : Number.POSITIVE_INFINITY));
  return { scores: lowestFirst(among), rule: `${rule}, of those that should keep the SLO` };
}

function costOf({ prediction, features: { decodes } }: LatencyCandidate, slo: Slo): number {
  const ttft = prediction.ttftMs / slo.ttftMs;
  const tpot = prediction.tpotMs / slo.tpotMs;
  const { stepMs, prefillMs, joinMs } = prediction;
  const raised = (stepMs + (prefillMs + joinMs) / usualOutputTokens) / slo.tpotMs;
  return ttft + ttft ** steepness + tpot ** steepness + decodes * steepness * tpot ** (steepness - 1) * raised;
}

/** Costs without a basis are replaced by what the others' mean for such a load. */
function trustworthy(candidates: readonly LatencyCandidate[], costs: readonly number[]): readonly number[] {
  if (candidates.every(({ prediction }) => prediction.trusted)) return costs;
  let sum = 0;
  let count = 0;
  for (const [index, { prediction, load }] of candidates.entries()) {
    if (!prediction.trusted) continue;
    sum += costs[index]! / (1 + load);
    count += 1;
  }
  return candidates.map(({ prediction, load }, index) =>
    prediction.trusted ? costs[index]! : (sum / count) * (1 + load),
  );
}

function keeps({ trusted, ttftHighMs, tpotHighMs }: Prediction, ttftSloMs = Infinity, tpotSloMs = Infinity): boolean {
  return !trusted || (ttftHighMs <= ttftSloMs && tpotHighMs <= tpotSloMs);
}

/** Scores in [0, 1]: 1 for the lowest cost, 0 for an infinite one, and for one that is no number. */
function lowestFirst(all: readonly number[]): readonly number[] {
  const costs = all.map((cost) => (Number.isNaN(cost) ? Number.POSITIVE_INFINITY : cost));
  const lowest = Math.min(...costs);
  return costs.map((cost) => (cost === lowest ? 1 : lowest / cost));
}
