/** What a policy may know of an endpoint that could serve a request. */
export interface Candidate {
  /** The gateway's own requests that it holds. */
  readonly inFlight: number;
  /** All requests that it holds: the gateway's own, now, and those of others at its last reading. */
  readonly load: number;
  /** Waiting in the engine at its last reading; 0 without one. */
  readonly waiting: number;
  /** In [0, 1] at its last reading; 0 without one. */
  readonly kvCacheUtilization: number;
}

/** Chance and turn are parameters, so that a choice can be repeated. */
export interface Chance {
  /** Counts choices. */
  readonly turn: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** One score in [0, 1] for each candidate, in their order; the highest wins, ties at random. */
export type Policy = (candidates: readonly Candidate[], chance: Chance) => readonly number[];

/** Of the endpoint picker's default; its third, prefix affinity with weight 3, is 0 for every endpoint here. */
const gieWeights = { queue: 2, kvCache: 2 };

export const policies = {
  latency: (candidates) => candidates.map(({ load }) => 1 / (1 + load)),
  gie: gieScores,
  'least-request': (candidates) => candidates.map(({ inFlight }) => 1 / (1 + inFlight)),
  'round-robin': (candidates, { turn }) => candidates.map((_, index) => (index === turn % candidates.length ? 1 : 0)),
  random: (candidates) => candidates.map(() => 1),
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

/** Queue score (max − q) / (max − min), all equal 1; KV-cache score 1 − utilization. Source: the endpoint picker's scorers. */
function gieScores(candidates: readonly Candidate[]): readonly number[] {
  const queues = candidates.map(({ waiting }) => waiting);
  const longest = Math.max(...queues);
  const spread = longest - Math.min(...queues);
  const total = gieWeights.queue + gieWeights.kvCache;
  return candidates.map(({ waiting, kvCacheUtilization }) => {
    const queueScore = spread === 0 ? 1 : (longest - waiting) / spread;
    return (gieWeights.queue * queueScore + gieWeights.kvCache * (1 - kvCacheUtilization)) / total;
  });
}
