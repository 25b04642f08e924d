import type { MonotonicClock } from '../shared/runtime/clock.ts';
import { RecentRate } from '../shared/runtime/ewma.ts';
import { LinkedList } from '../shared/runtime/linked-list.ts';
import { BytesPerToken } from './admit/bytes-per-token.ts';
import { type Choice, Chooser, placementOf } from './choose/chooser.ts';
import { type PolicyName, policies } from './choose/policies/policies.ts';
import type { Placement } from './endpoint/placement.ts';
import { Pool } from './endpoint/pool.ts';
import { Evictor } from './queue/evictor.ts';
import { type Places, RequestQueue } from './queue/request-queue.ts';
import { retryAfterSeconds } from './queue/retry-after.ts';
import { type WaitOptions, waitLimitOf } from './queue/wait-limit.ts';
import { type Refusal, refusal } from './refusal.ts';
import type { QueueItem, RoutingRequest, Wait } from './request.ts';
import { type Ending, type Front, type RequestServices, RoutedRequest } from './routed-request.ts';

/** Hears what the router does. It only looks: without it the router routes the same. */
export interface RouterListener {
  /** An endpoint was chosen for a request. */
  chosen?(choice: Choice): void;
  /** Once for each request that was submitted, when its place is free again. */
  ended?(request: RoutedRequest, ending: Ending): void;
}

/** What a router is made from. */
export interface RouterOptions extends WaitOptions {
  readonly clock: MonotonicClock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly policy: PolicyName;
  /** Engines hold little, and what they cannot run yet waits here; otherwise every request goes to an engine's own queue at once. */
  readonly holdsQueue: boolean;
  /** A reading of an endpoint that is older counts as none. */
  readonly staleAfterMs: number;
  /** Most requests that wait, in each priority band. */
  readonly maxQueued: number;
}

/**
 * The rate at which sheddable requests find places tells how long others will wait. Derived: as long as sheddable requests wait,
 * `SHEDDABLE_WAIT_SECONDS`.
 */
const placedMemoryMs = 10_000;

/**
 * Owns the pool, the queue and the choice. A front hands in a request and gets an attempt on an endpoint, at once or later, a refusal,
 * or, later still, an eviction. It knows nothing of HTTP.
 */
export class Router {
  readonly pool: Pool;
  /** Estimates prompts; learned from what answers report. */
  readonly bytesPerToken = new BytesPerToken();
  readonly #queue: RequestQueue;
  readonly #chooser: Chooser;
  readonly #evictor: Evictor;
  readonly #requests = new LinkedList<RoutedRequest>();
  readonly #nowMs: () => number;
  readonly #sheddablePlaced = new RecentRate(placedMemoryMs);
  readonly #services: RequestServices;
  readonly #waits: WaitOptions;
  readonly #listeners: RouterListener[] = [];

  constructor(options: RouterOptions) {
    const { clock, policy, random, staleAfterMs, holdsQueue, maxQueued } = options;
    const nowMs = (): number => clock.nowMs();
    this.#waits = options;
    this.pool = new Pool({ nowMs, staleAfterMs });
    this.pool.subscribe({
      added: () => this.pump(),
      removed: () => this.#stopUnservable(),
      changed: () => {
        this.#stopUnservable();
        this.pump();
      },
    });
    this.#chooser = new Chooser({ pool: this.pool, policy: policies[policy], holdsQueue, random });
    this.#evictor = new Evictor({ nowMs, servers: (request) => this.pool.servers(request) });
    this.#nowMs = nowMs;
    this.#queue = new RequestQueue({
      clock,
      places: this.#places(),
      mostPerBand: maxQueued,
      timeoutMs: (request) => waitLimitOf(request, options).timeoutMs,
    });
    this.#services = this.#requestServices(nowMs);
  }

  subscribe(listener: RouterListener): void {
    this.#listeners.push(listener);
  }

  /** Takes a request in. The front hears of its place or its refusal before this returns, or later. */
  submit(request: RoutingRequest, front: Front): RoutedRequest {
    const routed = new RoutedRequest(request, front, this.#services);
    routed.listed = this.#requests.add(routed);
    routed.begin();
    return routed;
  }

  /** Gives places to requests that wait, as far as there is room. To be called whenever room may have come. */
  pump(): void {
    this.#queue.pump();
  }

  /** Ends every request with the refusal; waiting ones first, so that none gets the place of one that is cut off. */
  stopAll(reason: Refusal): void {
    const all = [...this.#requests];
    for (const request of all) if (!request.running) request.stop(reason);
    for (const request of all) request.stop(reason);
  }

  /** Requests that were submitted and have not ended. */
  get requests(): Iterable<RoutedRequest> {
    return this.#requests;
  }

  /** Items that wait, highest priority first. */
  get queued(): Iterable<QueueItem> {
    return this.#queue.items();
  }

  /** How many wait, by priority. */
  get queueLengths(): ReadonlyMap<number, number> {
    return this.#queue.counts;
  }

  /** Where nothing usable serves its model a request does not wait. */
  #stopUnservable(): void {
    for (const request of [...this.#requests]) {
      if (request.running || this.pool.canServe(request.request)) continue;
      request.stop(refusal('no_endpoints', 'no endpoint that serves this model can take a request any more'));
    }
  }

  #places(): Places {
    return {
      take: (item, isTaken) => this.#take(item, isTaken),
      makeRoom: (item) => this.#evictor.makeRoom(item),
    };
  }

  #take(item: QueueItem, isTaken: (queueKey: string) => boolean): Placement | Wait {
    const choice = this.#chooser.choose(item, isTaken);
    if ('queueKey' in choice) return { ...choice, roomInMs: soonest(choice.roomInMs, this.#evictor.dueInMs(item)) };
    if (item.request.workClass === 'sheddable') this.#sheddablePlaced.record(this.#nowMs());
    for (const listener of this.#listeners) listener.chosen?.(choice);
    return placementOf(choice);
  }

  #requestServices(nowMs: () => number): RequestServices {
    return {
      nowMs,
      enter: (item) => this.#queue.enter(item),
      leave: (item) => this.#queue.leave(item),
      canServe: (request, exceptFor) => this.pool.canServe(request, exceptFor),
      retryAfterSeconds: (request) => this.#retryAfterSeconds(request),
      refusalWhenFull: (request) => this.#full(request),
      refusalWhenLate: (request) => this.#late(request),
      refusalWhenEvicted: (request) =>
        refusal(
          'evicted',
          'the request was stopped to make room for one of a higher priority',
          this.#retryAfterSeconds(request),
        ),
      answered: () => this.#queue.pumpSoon(),
      ended: (request, ending) => this.#ended(request, ending),
    };
  }

  #ended(request: RoutedRequest, ending: Ending): void {
    if (request.listed) this.#requests.remove(request.listed);
    const { model, route, promptSize } = request.request;
    const promptTokens = ending.attempt?.usage?.promptTokens;
    if (promptTokens) this.bytesPerToken.learn(model, route.path, promptSize, promptTokens);
    for (const listener of this.#listeners) listener.ended?.(request, ending);
    this.pump();
  }

  #full(request: RoutingRequest): Refusal {
    return refusal('saturated', 'the pool has no room for this request', this.#retryAfterSeconds(request));
  }

  #late(request: RoutingRequest): Refusal {
    return waitLimitOf(request, this.#waits).code === 'saturated'
      ? this.#full(request)
      : refusal('queue_timeout', 'the request waited too long for an endpoint', this.#retryAfterSeconds(request));
  }

  /**
   * Whole seconds, from 1 to 30, after which another try of such a request is worth it. Real-time work is placed as it comes: those that
   * wait before it are taken to be placed within a second.
   */
  #retryAfterSeconds({ priority, workClass }: RoutingRequest): number {
    const waiting = this.#queue.counts.get(priority) ?? 0;
    return retryAfterSeconds(
      waiting,
      workClass === 'sheddable' ? this.#sheddablePlaced.perSecond(this.#nowMs()) : waiting + 1,
    );
  }
}

function soonest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
