import type { MonotonicClock } from '../../shared/runtime/clock.ts';
import type { Placement } from '../endpoint/placement.ts';
import type { QueueItem, RoutingRequest } from '../request.ts';
import { PriorityBand } from './priority-band.ts';

/** The places that requests wait for. */
export interface Places {
  /** An endpoint that has room for the item now; it counts as taken. */
  take(item: QueueItem): Placement | undefined;
  /** In how many milliseconds there is room for it by itself, as far as that is known. */
  roomInMs(item: QueueItem): number | undefined;
  /**
   * In how many milliseconds any endpoint has room for work of the item's class, whatever it waits for, or may be made to have some;
   * undefined where that is not known. Above 0 there is nothing to be had for any item of its class.
   */
  anyRoomInMs(item: QueueItem): number | undefined;
  /** Frees room for an item that waits, where it may; true when it did. */
  makeRoom(item: QueueItem): boolean;
}

export interface RequestQueueOptions {
  readonly clock: MonotonicClock;
  readonly places: Places;
  /** Most items that wait, in each priority band. */
  readonly mostPerBand: number;
  /** The longest that a request may wait. */
  readonly timeoutMs: (request: RoutingRequest) => number;
}

/** Items that come within that time look for no more than their own place: a look at all that wait costs by the number of models. */
const pumpedLatelyMs = 5;
/** Bodies that wait in one band, together. */
const mostBytesPerBand = 256 * 1024 * 1024;

/**
 * Where requests wait for room: the higher priority first, tenants taking turns within a band. What there is no room for holds up
 * nothing else, and a band without room none below it that waits for other things; for the same one none overtakes a higher priority.
 * Of a band that is full the tenant that holds most gives way.
 */
export class RequestQueue {
  readonly #options: RequestQueueOptions;
  readonly #bands = new Map<number, PriorityBand<QueueItem>>();
  #prioritiesDescending: readonly number[] = [];
  #waiting = 0;
  #pumping = false;
  #pumpAgain = false;
  #pumpedAtMs = Number.NEGATIVE_INFINITY;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #cancelWake: () => void = () => {};

  constructor(options: RequestQueueOptions) {
    this.#options = options;
  }

  /** `placed` at once, `waiting` until a pump or its timeout, `late` where no time to wait is given, or `full`. */
  enter(item: QueueItem): 'placed' | 'waiting' | 'late' | 'full' {
    const isBehind = this.#anyAhead(item);
    const placement = isBehind ? undefined : this.#options.places.take(item);
    if (placement) {
      item.place(placement);
      return 'placed';
    }
    const timeoutMs = this.#options.timeoutMs(item.request);
    const band = this.#bandOf(item.request.priority);
    if (!this.#haveSpace(band, item)) return 'full';
    if (timeoutMs === 0) return 'late';
    band.add(item);
    const late = (): void => {
      this.leave(item);
      item.expire();
    };
    item.cancelTimeout = this.#options.clock.after(timeoutMs, late);
    this.#waiting += 1;
    // Room may be due by itself, or has to be made. Those ahead were looked at a moment ago, and will be in a moment.
    if (!isBehind) this.#blocked(item);
    const restMs = this.#pumpedAtMs + pumpedLatelyMs - this.#options.clock.nowMs();
    if (this.#pumpAgain || restMs <= 0) this.pump();
    else this.#wakeIn(restMs);
    return isWaiting(item) ? 'waiting' : 'placed';
  }

  /** Forgets a item, wherever it is. */
  leave(item: QueueItem): void {
    if (this.#bands.get(item.request.priority)?.remove(item)) this.#forgetTimeout(item);
  }

  /** Gives places to those that wait, as far as there is room. To be called whenever room may have come. */
  pump(): void {
    this.#pumpAgain = true;
    if (this.#pumping) return;
    this.#pumping = true;
    this.#pumpedAtMs = this.#options.clock.nowMs();
    while (this.#pumpAgain) {
      this.#pumpAgain = false;
      this.#placeAllThatFit();
    }
    this.#pumping = false;
  }

  /** How many wait, by priority. */
  get counts(): ReadonlyMap<number, number> {
    return new Map([...this.#bands].map(([priority, { count }]) => [priority, count]));
  }

  /** All items that wait, highest priority first. */
  *items(): Iterable<QueueItem> {
    for (const priority of this.#prioritiesDescending) yield* this.#bands.get(priority)?.items() ?? [];
  }

  #placeAllThatFit(): void {
    if (this.#waiting === 0) return;
    const blocked = new Set<string>();
    for (const priority of this.#prioritiesDescending) {
      const band = this.#bandOf(priority);
      while (this.#placeOne(band, blocked));
    }
  }

  /** False when there is room for none of them. With each that is placed, others' turns come. */
  #placeOne(band: PriorityBand<QueueItem>, blocked: Set<string>): boolean {
    const first = band.next(blocked);
    if (!first) return false;
    if (this.#place(band, first, blocked)) return true;
    // All of a band are of one class. A look at each costs by the number of models that they wait for.
    const anyRoomInMs = this.#options.places.anyRoomInMs(first);
    if (anyRoomInMs !== 0) {
      if (anyRoomInMs !== undefined) this.#wakeIn(anyRoomInMs);
      return false;
    }
    for (const item of band.inTurn(blocked)) {
      if (!blocked.has(item.queueKey) && this.#place(band, item, blocked)) return true;
    }
    return false;
  }

  #place(band: PriorityBand<QueueItem>, item: QueueItem, blocked: Set<string>): boolean {
    const placement = this.#options.places.take(item);
    if (!placement) {
      blocked.add(item.queueKey);
      this.#blocked(item);
      return false;
    }
    band.serve(item);
    this.#forgetTimeout(item);
    item.place(placement);
    return true;
  }

  /** Has tenants that hold more give way, where the band is full and that makes space. */
  #haveSpace(band: PriorityBand<QueueItem>, item: QueueItem): boolean {
    const surplus: QueueItem[] = [];
    while (!this.#hasSpace(band, item)) {
      const next = band.surplusFor(item, band.count >= this.#options.mostPerBand ? 'count' : 'sizeBytes');
      if (!next) {
        for (const each of surplus) band.add(each);
        return false;
      }
      band.remove(next);
      surplus.push(next);
    }
    for (const each of surplus) {
      this.#forgetTimeout(each);
      each.displace();
    }
    return true;
  }

  #hasSpace({ count, sizeBytes }: PriorityBand<QueueItem>, { cost }: QueueItem): boolean {
    return count < this.#options.mostPerBand && sizeBytes + cost.sizeBytes <= mostBytesPerBand;
  }

  /** Room that will not come by an event is made, or waited for until it is due. */
  #blocked(item: QueueItem): void {
    if (this.#options.places.makeRoom(item)) {
      this.#pumpAgain = true;
      return;
    }
    const roomInMs = this.#options.places.roomInMs(item);
    if (roomInMs !== undefined) this.#wakeIn(roomInMs);
  }

  /** Unless it wakes sooner anyway. */
  #wakeIn(delayMs: number): void {
    const { clock } = this.#options;
    const atMs = clock.nowMs() + delayMs;
    if (atMs >= this.#wakeAtMs) return;
    this.#cancelWake();
    this.#wakeAtMs = atMs;
    this.#cancelWake = clock.after(delayMs, () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.pump();
    });
  }

  #forgetTimeout(item: QueueItem): void {
    item.cancelTimeout?.();
    item.cancelTimeout = undefined;
    this.#waiting -= 1;
    if (this.#waiting > 0) return;
    this.#cancelWake();
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
  }

  /** None overtakes an equal or a higher priority that waits for the same. */
  #anyAhead({ request: { priority }, queueKey }: QueueItem): boolean {
    for (const [other, band] of this.#bands) if (other >= priority && band.isWanted(queueKey)) return true;
    return false;
  }

  #bandOf(priority: number): PriorityBand<QueueItem> {
    let band = this.#bands.get(priority);
    if (!band) {
      band = new PriorityBand();
      this.#bands.set(priority, band);
      this.#prioritiesDescending = [...this.#bands.keys()].sort((a, b) => b - a);
    }
    return band;
  }
}

function isWaiting({ cancelTimeout }: QueueItem): boolean {
  return cancelTimeout !== undefined;
}
