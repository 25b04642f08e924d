import type { Prediction } from '../../endpoint/latency/load-features.ts';
import { latencyScores } from './latency.ts';

/** What a policy may know of an endpoint that could serve a request. */
export interface Candidate {
  /** The gateway's own requests that it holds. */
  readonly inFlight: number;
  /** All requests that it holds, others' included as far as its last reading told. */
  readonly load: number;
  /** Waiting there at its last reading; 0 without one. */
  readonly waiting: number;
  /** In [0, 1] at its last reading; 0 without one. */
  readonly kvCacheUtilization: number;
  /** Leading share of the prompt's blocks that it should have cached, in [0, 1]. */
  readonly prefixShare: number;
  /** Requests that generate there. */
  readonly decodes: number;
  readonly prediction: Prediction;
}

/** What a request was promised, if anything. */
export interface Slo {
  readonly ttftSloMs: number | undefined;
  readonly tpotSloMs: number | undefined;
}

/** Chance and turn are parameters, so that a choice can be repeated. */
export interface Chance {
  /** Counts the choices made so far. */
  readonly turn: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** What a policy says of the candidates. */
export interface Scored {
  /** One in [0, 1] for each candidate, in their order; the highest wins, ties at random. */
  readonly scores: readonly number[];
  /** What the highest score means, for people. */
  readonly rule: string;
}

export type Policy = (candidates: readonly Candidate[], chance: Chance, promised: Slo) => Scored;

/** Of the endpoint picker's default. */
const gieWeights = { queue: 2, kvCache: 2, prefix: 3 };

export const policies = {
  latency: (candidates, _chance, promised) => latencyScores(candidates, promised),
  gie: gieScores,
  'least-request': (candidates) => ({
    scores: candidates.map(({ inFlight }) => 1 / (1 + inFlight)),
    rule: 'the fewest requests of our own',
  }),
  'round-robin': (candidates, { turn }) => ({
    scores: candidates.map((_, index) => (index === turn % candidates.length ? 1 : 0)),
    rule: 'the next in turn',
  }),
  random: (candidates) => ({ scores: candidates.map(() => 1), rule: 'at random' }),
} as const satisfies Readonly<Record<string, Policy>>;

export type PolicyName = keyof typeof policies;
export const policyNames = Object.keys(policies) as readonly PolicyName[];

/** The index of the highest score; equal ones have equal chances. -1 for none. */
export function pickHighest(scores: readonly number[], random: () => number): number {
  let best = -1;
  let ties = 0;
  for (const [index, score] of scores.entries()) {
    const highest = scores[best] ?? Number.NEGATIVE_INFINITY;
    if (score > highest) {
      best = index;
      ties = 1;
    } else if (score === highest) {
      ties += 1;
      if (random() * ties < 1) best = index;
    }
  }
  return best;
}

/**
 * Queue score (max − q) / (max − min), all equal 1; KV-cache score 1 − utilization; prefix score: the share that is cached; weighed
 * 2 : 2 : 3. Source: the endpoint picker's default scorers.
 */
function gieScores(candidates: readonly Candidate[]): Scored {
  const queues = candidates.map(({ waiting }) => waiting);
  const longest = Math.max(...queues);
  const spread = longest - Math.min(...queues);
  const { queue, kvCache, prefix } = gieWeights;
  const scores = candidates.map(({ waiting, kvCacheUtilization, prefixShare }) => {
    const queueScore = spread === 0 ? 1 : (longest - waiting) / spread;
    const weighed = queue * queueScore + kvCache * (1 - kvCacheUtilization) + prefix * prefixShare;
    return weighed / (queue + kvCache + prefix);
  });
  return { scores, rule: 'queue 2, KV cache 2, prefix 3' };
}
