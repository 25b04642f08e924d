import { type Policy, pickHighest } from '../decisions/policies.ts';
import type { Endpoint } from './endpoint.ts';
import type { LedgerEntry } from './ledger.ts';
import type { Pool } from './pool.ts';
import type { Ticket } from './waiting-room.ts';

/** A place on an endpoint, held until its entry is closed. */
export interface Placement {
  readonly endpoint: Endpoint;
  readonly entry: LedgerEntry;
}

export interface ChooserOptions {
  readonly pool: Pool;
  readonly policy: Policy;
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
  choose(ticket: Ticket, exceptFor?: Endpoint): Placement | undefined {
    const { pool, policy, random } = this.#options;
    const withRoom = pool.servers(ticket.model).filter((endpoint) => hasRoom(endpoint, ticket));
    const others = exceptFor ? withRoom.filter((endpoint) => endpoint !== exceptFor) : withRoom;
    const candidates = others.length > 0 ? others : withRoom;
    const chance = { turn: this.#turn, random };
    const endpoint = candidates[pickHighest(policy(candidates, chance), random)];
    if (!endpoint) return undefined;
    this.#turn += 1;
    return { endpoint, entry: endpoint.ledger.open(ticket.workClass, ticket.promptTokens) };
  }
}

/** Sheddable work takes what its window leaves; real-time work always goes. */
function hasRoom(endpoint: Endpoint, { workClass }: Ticket): boolean {
  return workClass === 'realtime' || endpoint.ledger.sheddable.inFlight < endpoint.sheddableWindow;
}
