import type { ConcurrencyLimiter } from '../endpoint/capacity/concurrency-limiter.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { evictionDueAtMs } from './eviction.ts';
import type { QueueItem } from './request-queue.ts';

export interface EvictorOptions {
  readonly nowMs: () => number;
  readonly servers: (model: string) => readonly Endpoint[];
}

/** One request has others stopped for it at most so often: what was freed must first be seen. */
const pauseMs = 100;

/** Stops sheddable work for real-time requests that engines without a place would make miss their first token. */
export class Evictor {
  readonly #options: EvictorOptions;
  readonly #lastAtMs = new WeakMap<QueueItem, number>();

  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  /** True when it freed a place. */
  makeRoom(ticket: QueueItem): boolean {
    const dueInMs = this.dueInMs(ticket);
    if (dueInMs === undefined || dueInMs > 0) return false;
    const [cheapest] = this.#withoutPlaces(ticket).sort((a, b) => a.toEvict - b.toEvict);
    if (!cheapest) return false;
    this.#lastAtMs.set(ticket, this.#options.nowMs());
    cheapest.intake.evict(cheapest.toEvict, ticket.priority);
    return true;
  }

  /** Undefined for those that nobody is stopped for. */
  dueInMs(ticket: QueueItem): number | undefined {
    if (ticket.request.workClass === 'sheddable' || this.#withoutPlaces(ticket).length === 0) return undefined;
    const dueAtMs = evictionDueAtMs(ticket.terms.arrivedAtMs, ticket.terms.slo.ttftMs);
    const againAtMs = (this.#lastAtMs.get(ticket) ?? Number.NEGATIVE_INFINITY) + pauseMs;
    return Math.max(0, Math.max(dueAtMs, againAtMs) - this.#options.nowMs());
  }

  /** Where an engine is out of places that sheddable work holds: a prompt that waits for others to be computed gains nothing from a decode's end. */
  #withoutPlaces({ request }: QueueItem): { readonly intake: ConcurrencyLimiter; readonly toEvict: number }[] {
    return this.#options
      .servers(request.model)
      .map(({ intake }) => ({ intake, toEvict: intake.toEvict ?? 0 }))
      .filter(({ toEvict }) => toEvict > 0);
  }
}
