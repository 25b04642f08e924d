import type { ConcurrencyLimiter } from '../endpoint/capacity/concurrency-limiter.ts';
import { evictionDueAtMs } from '../endpoint/capacity/eviction.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { QueueItem, RoutingRequest } from '../request.ts';

/** What an evictor is made from. */
export interface EvictorOptions {
  readonly nowMs: () => number;
  /** Where the request may go. */
  readonly servers: (request: RoutingRequest) => readonly Endpoint[];
}

/** Measured: the least time between two stops for one request, since what was freed must first be seen. */
const pauseMs = 100;

/** Stops sheddable work for real-time requests that engines without a place would make miss their first token. */
export class Evictor {
  readonly #options: EvictorOptions;
  readonly #lastAtMs = new WeakMap<QueueItem, number>();

  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  /** True when it freed a place. */
  makeRoom(item: QueueItem): boolean {
    const dueInMs = this.dueInMs(item);
    if (dueInMs === undefined || dueInMs > 0) return false;
    const [cheapest] = this.#withoutPlaces(item).sort((a, b) => a.toEvict - b.toEvict);
    if (!cheapest) return false;
    this.#lastAtMs.set(item, this.#options.nowMs());
    cheapest.limiter.evict(cheapest.toEvict, item.request.priority);
    return true;
  }

  /** In how many milliseconds others may be stopped for it; undefined where that would not do, or is not done for its kind. */
  dueInMs(item: QueueItem): number | undefined {
    if (item.request.workClass === 'sheddable' || this.#withoutPlaces(item).length === 0) return undefined;
    const dueAtMs = evictionDueAtMs(item.cost.arrivedAtMs, item.cost.slo.ttftMs);
    const againAtMs = (this.#lastAtMs.get(item) ?? Number.NEGATIVE_INFINITY) + pauseMs;
    return Math.max(0, Math.max(dueAtMs, againAtMs) - this.#options.nowMs());
  }

  /** Where an engine is out of places that sheddable work holds: a prompt that waits for others to be computed gains nothing from a decode's end. */
  #withoutPlaces({ request }: QueueItem): { readonly limiter: ConcurrencyLimiter; readonly toEvict: number }[] {
    return this.#options
      .servers(request)
      .map(({ limiter }) => ({ limiter, toEvict: limiter.toEvict ?? 0 }))
      .filter(({ toEvict }) => toEvict > 0);
  }
}
