import { RecentRate } from '../../../shared/runtime/ewma.ts';
import type { LimitedRequest } from './limited-endpoint.ts';

type Stay = Pick<LimitedRequest, 'workClass' | 'openedAtMs'>;

/** Memory of how long requests stay, in requests. Measured: row "memory of stays" of `npm run sim -- sensitivity`. */
const staySpan = 100;
/** Memory of how often real-time requests come. Derived: as long as that of the usual real-time load. */
const arrivalsMemoryMs = 10_000;

/** How requests come to one endpoint, and go. */
export class Turnover {
  readonly #arrivals = new RecentRate(arrivalsMemoryMs);
  #stayMs = 0;

  came({ workClass, openedAtMs }: Stay): void {
    if (workClass === 'realtime') this.#arrivals.record(openedAtMs);
  }

  went({ openedAtMs }: Stay, nowMs: number): void {
    this.#stayMs += (nowMs - openedAtMs - this.#stayMs) / staySpan;
  }

  /** From one end of a request to the next, of `load` that are there: mean stay / load. */
  placeFreeInMs(load: number): number {
    return this.#stayMs / Math.max(1, load);
  }

  /** Places to keep free for real-time requests. */
  keptPlaces(load: number, nowMs: number): number {
    return keptPlaces(this.#arrivals.perSecond(nowMs), this.placeFreeInMs(load));
  }
}

/**
 * Places that an engine keeps free of sheddable work, so that a real-time request that comes has one at once: as many as come until one
 * that is taken becomes free again, and as chance has it a few more.
 *
 *     kept = round(λ·t + √(λ·t))
 *
 * @param arrivalsPerSecond λ, of real-time requests there
 * @param placeFreeInMs t, from one end of a request there to the next
 */
export function keptPlaces(arrivalsPerSecond: number, placeFreeInMs: number): number {
  const arrivals = (arrivalsPerSecond * placeFreeInMs) / 1000;
  return Math.round(arrivals + Math.sqrt(arrivals));
}
