import type { Prediction } from '../../endpoint/latency/prediction.ts';
import { keepableSlo, type PromisedSlo, sloOf } from '../../slo.ts';
import type { Candidate } from '../candidate.ts';
import type { Policy, Scored } from './policy.ts';

/** How late memory counts: half full costs no request anything. Measured: ablation row 'memory in the cost'. */
const memorySteepness = 4;
/**
 * Weight of what a step takes longer for having any prompt. Measured: at 0 under load every eighth chat misses its time per token, at 1 the
 * mean TTFT is a fifth higher; ablation row 'gathering of prompts'.
 */
const gatheringShare = 0.2;

/**
 * The endpoint that costs all requests least, in milliseconds:
 *
 *     cost = w + TTFT + S · (P + m⁴ · P₀) + D · h / 5 + T · (d + b)        d = min(1, TPOT / τ)
 *
 * w: until there is room for it. TTFT, TPOT: predicted.
 * S: the most requests that generate on any candidate. P: what its prompt takes of an engine's time, which all that generate wait for, and
 * which is also the price of what it pushes out of the cache. m: the share of the KV cache that is held then; an engine without memory
 * stops a request and computes its whole prompt again, P₀. What is multiplied by S is the pool's: an endpoint's last steps would make
 * noise of it.
 * D: the requests that generate there. h: what a step takes longer for computing any prompt, unless it computes others anyway: prompts
 * gather, and other steps are left to those that generate.
 * T, τ: the promised TTFT and time per token, or the usual ones. b: 1 where fewer than nine of ten requests like this one keep the SLO that they
 * brought, else 0. It is a price and no bar: to compute a long cached prompt once more elsewhere can cost the others more than one broken promise.
 *
 * While the pool has shown too few steps, load and cached prefix decide.
 */
export const latency: Policy = {
  meaning:
    'the lowest predicted cost to all requests: TTFT and time per token as learned from what the pool shows, its prefix caches included',
  waitsFor: 'the best endpoint',
  score: latencyScores,
};

type LatencyCandidate = Pick<Candidate, 'load' | 'waitMs' | 'prefixShare' | 'prediction'> & {
  readonly features: Pick<Candidate['features'], 'decodes' | 'memoryShare'>;
};

function latencyScores(candidates: readonly LatencyCandidate[], request: PromisedSlo): Scored {
  if (!candidates.every(({ prediction }) => prediction.trusted)) {
    const costs = candidates.map(({ load, prefixShare }) => (1 + load) / (1 + prefixShare));
    return { scores: lowestFirst(costs), rule: 'load and cached prefix: too few steps were seen to predict anything' };
  }
  return { scores: lowestFirst(costsOf(candidates, request)), rule: 'the lowest predicted cost to everyone' };
}

function costsOf(candidates: readonly LatencyCandidate[], request: PromisedSlo): readonly number[] {
  const promised = sloOf(request);
  const mostDecodes = Math.max(...candidates.map(({ features }) => features.decodes));
  return candidates.map(({ waitMs, prediction, features: { decodes, memoryShare } }) => {
    const { ttftMs, tpotMs, promptMs, joinMs, wholePromptMs, unloaded } = prediction;
    const slo = keepableSlo(promised, unloaded);
    const stallsMs = mostDecodes * (promptMs + memoryShare ** memorySteepness * wholePromptMs);
    const joiningMs = gatheringShare * decodes * joinMs;
    const promisesLost = Math.min(1, tpotMs / slo.tpotMs) + (keeps(prediction, request) ? 0 : 1);
    return waitMs + ttftMs + stallsMs + joiningMs + slo.ttftMs * promisesLost;
  });
}

function keeps(
  { ttftHighMs, tpotHighMs }: Prediction,
  { ttftSloMs = Infinity, tpotSloMs = Infinity }: PromisedSlo,
): boolean {
  return ttftHighMs <= ttftSloMs && tpotHighMs <= tpotSloMs;
}

/** Scores in [0, 1]: 1 for the lowest cost, 0 for an infinite one, and for one that is no number. */
function lowestFirst(all: readonly number[]): readonly number[] {
  const costs = all.map((cost) => (Number.isNaN(cost) ? Number.POSITIVE_INFINITY : cost));
  const lowest = Math.min(...costs);
  return costs.map((cost) => (cost === lowest ? 1 : lowest / cost));
}
