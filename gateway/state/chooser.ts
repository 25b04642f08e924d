import { type Policy, pickHighest } from '../decisions/policies.ts';
import type { Endpoint } from './endpoint.ts';
import type { LedgerEntry, WorkClass } from './ledger.ts';
import type { Pool } from './pool.ts';

/** What choosing must know of a request. */
export interface RoutingRequest {
  readonly workClass: WorkClass;
  readonly model: string;
  /** Estimated from its size. */
  readonly promptTokens: number;
  /** Its answer is streamed. */
  readonly stream: boolean;
  /** It failed there, and waits for another. */
  readonly failedAt?: Endpoint | undefined;
}

/** A place on an endpoint, held until its entry is closed. */
export interface Placement {
  readonly endpoint: Endpoint;
  readonly entry: LedgerEntry;
}

export interface ChooserOptions {
  readonly pool: Pool;
  readonly policy: Policy;
  /** Whether the endpoint may take the request now; who has no room anywhere waits. */
  readonly hasRoom: (endpoint: Endpoint, request: RoutingRequest) => boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Chooses an endpoint with room for a request and takes the place in its ledger, both in one step. */
export class Chooser {
  readonly #options: ChooserOptions;
  #turn = 0;

  constructor(options: ChooserOptions) {
    this.#options = options;
  }

  /** Undefined when no endpoint has room. `exceptFor` is chosen only when there is no other. */
  choose(request: RoutingRequest, exceptFor?: Endpoint): Placement | undefined {
    const { pool, policy, hasRoom, random } = this.#options;
    const withRoom = pool.servers(request.model).filter((endpoint) => hasRoom(endpoint, request));
    const others = exceptFor ? withRoom.filter((endpoint) => endpoint !== exceptFor) : withRoom;
    const candidates = others.length > 0 ? others : withRoom;
    const chance = { turn: this.#turn, random };
    const endpoint = candidates[pickHighest(policy(candidates, chance), random)];
    if (!endpoint) return undefined;
    this.#turn += 1;
    const { workClass, promptTokens, stream } = request;
    const entry = endpoint.ledger.open({ workClass, promptTokens, cachedTokens: 0, stream, firstTokenExpectedAtMs: 0 });
    return { endpoint, entry };
  }
}
