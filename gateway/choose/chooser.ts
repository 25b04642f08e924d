import type { WorkClass } from '../admit/objectives.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { LedgerEntry } from '../endpoint/in-flight.ts';
import type { Pool } from '../endpoint/pool.ts';
import type { PromptBlocks } from '../endpoint/prefix/prompt-blocks.ts';
import { Bid } from './candidate.ts';
import { preferred } from './filters/preference.ts';
import { type Policy, pickHighest } from './policies/policies.ts';

/** What choosing must know of a request. */
export interface RoutingRequest {
  /** Names it where a choice is explained. */
  readonly id: string;
  readonly workClass: WorkClass;
  readonly model: string;
  /** Estimated from its size. */
  readonly promptTokens: number;
  readonly promptBlocks: PromptBlocks;
  /** Its answer is streamed. */
  readonly stream: boolean;
  readonly ttftSloMs: number | undefined;
  readonly tpotSloMs: number | undefined;
  /** It failed there, and goes to another as long as there is one. */
  readonly failedAt?: Endpoint | undefined;
}

/** A place on an endpoint, held until its entry is closed. */
export interface Placement {
  readonly endpoint: Endpoint;
  readonly entry: LedgerEntry;
}

/** One choice, to be explained. */
export interface Choice {
  /** No more of it: a choice is remembered, and a request's body is not to be. */
  readonly request: Pick<RoutingRequest, 'id' | 'model' | 'promptTokens'>;
  readonly bids: readonly Bid[];
  /** In [0, 1], in the order of the bids. */
  readonly scores: readonly number[];
  readonly rule: string;
  readonly winner: Bid;
}

export interface ChooserOptions {
  readonly pool: Pool;
  readonly policy: Policy;
  /** Whether the endpoint may take the request now; who has no room anywhere waits. */
  readonly hasRoom: (endpoint: Endpoint, request: RoutingRequest) => boolean;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Told of every choice. */
  readonly onChoice: (choice: Choice) => void;
}

/** Chooses an endpoint with room for a request and takes the place in its ledger, both in one step. */
export class Chooser {
  readonly #options: ChooserOptions;
  #turn = 0;

  constructor(options: ChooserOptions) {
    this.#options = options;
  }

  /** Undefined when no endpoint has room. */
  choose(request: RoutingRequest): Placement | undefined {
    const { pool, policy, hasRoom, nowMs, random, onChoice } = this.#options;
    const { model, failedAt } = request;
    const withRoom = pool.servers(model, failedAt).filter((endpoint) => hasRoom(endpoint, request));
    const bids = preferred(withRoom, model, failedAt === undefined).map((endpoint) => new Bid(endpoint, request));
    const { scores, rule } = policy(bids, { turn: this.#turn, random }, request);
    const winner = bids[pickHighest(scores, random)];
    if (!winner) return undefined;
    this.#turn += 1;
    const { endpoint, situation, prediction } = winner;
    const { id, workClass, stream, promptTokens } = request;
    const entry = endpoint.ledger.open(
      {
        workClass,
        promptTokens,
        stream,
        cachedTokens: situation.cachedTokens,
        firstTokenExpectedAtMs: nowMs() + prediction.ttftMs,
        ttftAloneMs: endpoint.latency.ttftAloneMs(situation),
      },
      winner,
    );
    endpoint.prefixes.store(request.promptBlocks);
    onChoice({ request: { id, model, promptTokens }, bids, scores, rule, winner });
    return { endpoint, entry };
  }
}
