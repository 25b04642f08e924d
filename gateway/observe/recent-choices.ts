import type { Candidate } from '../choose/candidate.ts';
import type { Choice } from '../choose/chooser.ts';

/** Choices that are explained. Derived: a screen. */
const kept = 20;

/** The last choices of endpoints, to be explained on request. */
export class RecentChoices {
  readonly #choices: Choice[] = [];

  add(choice: Choice): void {
    this.#choices.push(choice);
    if (this.#choices.length > kept) this.#choices.shift();
  }

  /** The newest first. */
  explained() {
    return this.#choices.toReversed().map(explain);
  }
}

/** The candidates, how each was scored, and why the winner won. */
export function explain({ request, candidates, scores, rule, winner }: Choice) {
  return {
    requestId: request.id,
    model: request.model,
    promptTokens: request.promptTokens,
    winner: winner.endpoint.host,
    rule,
    candidates: candidates.map((each, index) => ({ score: rounded(scores[index] ?? 0), ...describe(each) })),
  };
}

function describe(candidate: Candidate) {
  const { endpoint, load, waiting, kvCacheUtilization, prefixShare, features, prediction } = candidate;
  return {
    endpoint: endpoint.host,
    load,
    waiting,
    kvCacheUtilization: rounded(kvCacheUtilization),
    prefixShare: rounded(prefixShare),
    waitMs: rounded(candidate.waitMs),
    aheadTokens: aheadTokensOf(features),
    memoryShare: rounded(features.memoryShare),
    decodes: features.decodes,
    /** Null while the pool has shown too few steps. */
    predicted: prediction.trusted ? { ttftMs: rounded(prediction.ttftMs), tpotMs: rounded(prediction.tpotMs) } : null,
  };
}

function aheadTokensOf({ pending: { running, next, later } }: Candidate['features']): number {
  return running.tokens + next.tokens + later.tokens;
}

/** To three decimals: what is read by people, and by parsers that know no exponents. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
