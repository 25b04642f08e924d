import type { Endpoint } from '../endpoint/endpoint.ts';
import type { Placement } from '../endpoint/placement.ts';
import type { Pool } from '../endpoint/pool.ts';
import type { QueueItem, RoutingRequest, Wait } from '../request.ts';
import { type Candidate, candidateOf } from './candidate.ts';
import { preferred } from './filters/preference.ts';
import { homeOf, othersShare } from './home.ts';
import { type Policy, pickHighest } from './policies/policy.ts';

/** Memory of how far prompts had come before, in requests. Derived: 64 long prompts are known after some hundred. */
const recurrenceSpan = 100;

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
  /** Mean share of a prompt that some endpoint is known to hold; taken to be all of it until prompts are seen. */
  #recurrence = 1;

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
    const servers = pool.servers(request, failedAt);
    const waitsFor = this.#waitsFor(request);
    if (waitsFor === 'the best endpoint') {
      const choice = this.#best(servers, item);
      if (!choice) return this.#wait(item, servedAs(request), undefined);
      const { endpoint } = choice.winner;
      const queueKey = `${request.model} at ${endpoint.url}`;
      const roomInMs = this.#roomInMs(endpoint, item);
      return roomInMs === 0 && !isTaken(queueKey) ? this.#made(choice) : this.#wait(item, queueKey, roomInMs);
    }
    const queueKey = failedAt ? `${request.model} elsewhere than ${failedAt.url}` : servedAs(request);
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
    const among = preferred(servers, model, failedAt === undefined);
    // As often as others bring prompts, and prompts come again, one that is not known here is cached at its home.
    const expectedShare = othersShare(among) * this.#recurrence;
    const home = expectedShare > 0 ? homeOf(among, request.promptBlocks) : undefined;
    const candidates = among.map((each) => candidateOf(each, request, each === home ? expectedShare : 0));
    const { scores, rule } = policy.score(candidates, request, { turn: this.#turn, random });
    const winner = candidates[pickHighest(scores, random)];
    return winner && { request: { id, model, promptTokens }, candidates, scores, rule, winner };
  }

  #made(choice: Choice): Choice {
    this.#turn += 1;
    let seenShare = 0;
    for (const { prefixShare } of choice.candidates) seenShare = Math.max(seenShare, prefixShare);
    this.#recurrence += (seenShare - this.#recurrence) / recurrenceSpan;
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

/** What the request waits for where any of its endpoints will do. */
function servedAs({ model, subset }: RoutingRequest): string {
  return subset ? `${model} at one of ${[...subset].join()}` : model;
}

/** The winner's place, with the others in the order of their scores: a proxy that cannot reach the one goes on to the next. */
export function placementOf({ winner, candidates, scores }: Choice): Placement {
  const { endpoint, features, prediction, match } = winner;
  const runnersUp = (): readonly Placement[] => {
    const order = [...candidates.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
    return order.map((index) => candidates[index]!).filter((candidate) => candidate !== winner);
  };
  return { endpoint, features, prediction, match, runnersUp };
}

/** Of those that are known; undefined where none is. */
function leastOf(durationsMs: readonly (number | undefined)[]): number | undefined {
  const known = durationsMs.filter((durationMs) => durationMs !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
