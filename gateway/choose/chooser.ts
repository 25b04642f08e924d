import type { Endpoint } from '../endpoint/endpoint.ts';
import type { Pool } from '../endpoint/pool.ts';
import type { RoutingRequest } from '../request.ts';
import { type Candidate, candidateOf } from './candidate.ts';
import { preferred } from './filters/preference.ts';
import { type Policy, pickHighest } from './policies/policy.ts';

/** One choice, to be explained. */
export interface Choice {
  /** No more of it: a choice is remembered, and a request's body is not to be. */
  readonly request: Pick<RoutingRequest, 'id' | 'model' | 'promptTokens'>;
  readonly candidates: readonly Candidate[];
  /** In [0, 1], in the order of the candidates. */
  readonly scores: readonly number[];
  readonly rule: string;
  readonly winner: Candidate;
}

export interface ChooserOptions {
  readonly pool: Pool;
  readonly policy: Policy;
  /** Whether the endpoint may take the request now. */
  readonly hasRoom: (endpoint: Endpoint, request: RoutingRequest) => boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Chooses an endpoint with room for a request. */
export class Chooser {
  readonly #options: ChooserOptions;
  #turn = 0;

  constructor(options: ChooserOptions) {
    this.#options = options;
  }

  /**
   * Undefined when no endpoint has room. Each choice that is made is the next turn.
   * @param failedAt the endpoint that failed the request before: it is chosen only where there is no other
   */
  choose(request: RoutingRequest, failedAt?: Endpoint): Choice | undefined {
    const { pool, policy, hasRoom, random } = this.#options;
    const { id, model, promptTokens } = request;
    const withRoom = pool.servers(model, failedAt).filter((endpoint) => hasRoom(endpoint, request));
    const candidates = preferred(withRoom, model, failedAt === undefined).map((each) => candidateOf(each, request));
    const { scores, rule } = policy.score(candidates, request, { turn: this.#turn, random });
    const winner = candidates[pickHighest(scores, random)];
    if (!winner) return undefined;
    this.#turn += 1;
    return { request: { id, model, promptTokens }, candidates, scores, rule, winner };
  }
}
