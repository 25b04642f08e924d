import type { Endpoint } from '../endpoint/endpoint.ts';
import type { Pool } from '../endpoint/pool.ts';
import type { QueueItem, RoutingRequest, Wait } from '../request.ts';
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

/** What a chooser is made from. */
export interface ChooserOptions {
  readonly pool: Pool;
  readonly policy: Policy;
  /** False where every request is to go to an engine's own queue at once, whatever the policy. */
  readonly holdsQueue: boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

/** A request that is to be placed. */
export type ChosenFor = Pick<QueueItem, 'request' | 'failedAt' | 'cost'>;

/** Chooses an endpoint for a request, or what it waits for. */
export class Chooser {
  readonly #options: ChooserOptions;
  #turn = 0;

  constructor(options: ChooserOptions) {
    this.#options = options;
  }

  /**
   * Each choice that is made is the next turn. Where it failed before, a request goes again only if there is no other endpoint.
   * @param isTaken whether what has this queue key goes to others first
   */
  choose(item: ChosenFor, isTaken: (queueKey: string) => boolean): Choice | Wait {
    const { pool } = this.#options;
    const { request, failedAt } = item;
    const servers = pool.servers(request.model, failedAt);
    const waitsFor = this.#waitsFor(request);
    if (waitsFor === 'the best endpoint') {
      const choice = this.#best(servers, item);
      if (!choice) return this.#wait(item, request.model, undefined);
      const { endpoint } = choice.winner;
      const queueKey = `${request.model} at ${endpoint.url}`;
      const roomInMs = this.#roomInMs(endpoint, item);
      return roomInMs === 0 && !isTaken(queueKey) ? this.#made(choice) : this.#wait(item, queueKey, roomInMs);
    }
    const queueKey = failedAt ? `${request.model} elsewhere than ${failedAt.url}` : request.model;
    const isFree = (endpoint: Endpoint): boolean => waitsFor === 'nothing' || this.#roomInMs(endpoint, item) === 0;
    const choice = isTaken(queueKey) ? undefined : this.#best(servers.filter(isFree), item);
    return choice
      ? this.#made(choice)
      : this.#wait(item, queueKey, leastOf(servers.map((each) => this.#roomInMs(each, item))));
  }

  /** Sheddable work enters what real-time leaves, so that it waits for room under a policy that holds no queue, too. */
  #waitsFor({ workClass }: RoutingRequest): Policy['waitsFor'] {
    const { policy, holdsQueue } = this.#options;
    if (!holdsQueue) return 'nothing';
    return policy.waitsFor === 'nothing' && workClass === 'sheddable' ? 'any endpoint' : policy.waitsFor;
  }

  #best(servers: readonly Endpoint[], { request, failedAt }: ChosenFor): Choice | undefined {
    const { policy, random } = this.#options;
    const { id, model, promptTokens } = request;
    const candidates = preferred(servers, model, failedAt === undefined).map((each) => candidateOf(each, request));
    const { scores, rule } = policy.score(candidates, request, { turn: this.#turn, random });
    const winner = candidates[pickHighest(scores, random)];
    return winner && { request: { id, model, promptTokens }, candidates, scores, rule, winner };
  }

  #made(choice: Choice): Choice {
    this.#turn += 1;
    return choice;
  }

  #roomInMs({ limiter }: Endpoint, { request, cost }: ChosenFor): number | undefined {
    return limiter.roomInMs(request.workClass, cost.slo.tpotMs);
  }

  #wait({ request }: ChosenFor, queueKey: string, roomInMs: number | undefined): Wait {
    return { queueKey, roomInMs, anyRoomInMs: this.#anyRoomInMs(request) };
  }

  /** Until any endpoint has room for a request of this class, whatever it asks for and was promised. */
  #anyRoomInMs(request: RoutingRequest): number | undefined {
    const { workClass } = request;
    const { usable } = this.#options.pool;
    if (this.#waitsFor(request) === 'nothing') return 0;
    if (workClass === 'realtime' && usable.some(({ limiter }) => (limiter.toEvict ?? 0) > 0)) return 0;
    return leastOf(usable.map(({ limiter }) => limiter.roomInMs(workClass, Number.POSITIVE_INFINITY)));
  }
}

/** Of those that are known; undefined where none is. */
function leastOf(durationsMs: readonly (number | undefined)[]): number | undefined {
  const known = durationsMs.filter((durationMs) => durationMs !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
