import type { Bid } from '../choose/candidate.ts';
import type { Choice } from '../choose/chooser.ts';

const kept = 20;

/** The last choices of endpoints, to be explained when somebody asks. */
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

/** Who stood for choice, how each was scored, and why the winner won. */
export function explain({ request, bids, scores, rule, winner }: Choice) {
  return {
    requestId: request.id,
    model: request.model,
    promptTokens: request.promptTokens,
    winner: winner.endpoint.host,
    rule,
    candidates: bids.map((bid, index) => ({ score: rounded(scores[index] ?? 0), ...describe(bid) })),
  };
}

function describe({ endpoint, load, waiting, kvCacheUtilization, prefixShare, situation, prediction }: Bid) {
  return {
    endpoint: endpoint.host,
    load,
    waiting,
    kvCacheUtilization: rounded(kvCacheUtilization),
    prefixShare: rounded(prefixShare),
    aheadTokens: Math.round(situation.aheadTokens),
    decodes: situation.decodes,
    /** Null while the model of the endpoint cannot be trusted. */
    predicted: prediction.trusted ? { ttftMs: rounded(prediction.ttftMs), tpotMs: rounded(prediction.tpotMs) } : null,
  };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
