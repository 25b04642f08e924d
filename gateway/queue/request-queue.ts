import type { MonotonicClock } from '../../shared/runtime/clock.ts';
import type { Placement } from '../endpoint/placement.ts';
import type { QueueItem, RoutingRequest, Wait } from '../request.ts';
import { PriorityBand } from './priority-band.ts';

/** The places that requests wait for. */
export interface Places {
  /**
   * A place for the item, which counts as taken; or what it is to wait for.
   * @param isTaken whether what has this queue key goes to others first
   */
  take(item: QueueItem, isTaken: (queueKey: string) => boolean): Placement | Wait;
  /** Frees room for an item that waits, where it may; true when it did. */
  makeRoom(item: QueueItem): boolean;
}

/** What a queue is made from. */
export interface RequestQueueOptions {
  readonly clock: MonotonicClock;
  readonly places: Places;
  /** Most items that wait, in each priority band. */
  readonly mostPerBand: number;
  /** The longest that a request may wait. */
  readonly timeoutMs: (request: RoutingRequest) => number;
}

/**
 * Items that come within that time look for no more than their own place: a look at all that wait costs by the number of models. Derived: a
 * tenth of a step.
 */
const pumpedLatelyMs = 5;
/** Bodies that wait in one band, together. Derived: half of the default of `MAX_BUFFERED_BYTES`. */
const mostBytesPerBand = 256 * 1024 * 1024;

/**
 * Where requests wait for room: the higher priority first, tenants taking turns within a band. An item that waits for one endpoint holds
 * up those that would go there too, and every lower priority of its model, which would otherwise take what it waits for. What an item
 * waits for is looked at again with every pump. Of a band that is full the tenant that holds most gives way.
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
    const { priority, model } = item.request;
    const isBarred = this.#anyBand((other, band) => other > priority && band.wantsModel(model));
    const isTaken = (queueKey: string): boolean =>
      this.#anyBand((other, band) => other >= priority && band.isWanted(queueKey));
    const taken = isBarred ? undefined : this.#options.places.take(item, isTaken);
    if (taken && 'endpoint' in taken) {
      item.place(taken);
      return 'placed';
    }
    item.queueKey = taken?.queueKey ?? model;
    const timeoutMs = this.#options.timeoutMs(item.request);
    const band = this.#bandOf(priority);
    if (!this.#haveSpace(band, item)) return 'full';
    if (timeoutMs === 0) return 'late';
    // Room may be due by itself, or has to be made. Those ahead were looked at a moment ago, and will be in a moment.
    if (taken && !isTaken(item.queueKey)) this.#blocked(item, taken);
    band.add(item);
    const late = (): void => {
      this.leave(item);
      item.expire();
    };
    item.cancelTimeout = this.#options.clock.after(timeoutMs, late);
    this.#waiting += 1;
    const restMs = this.#pumpedAtMs + pumpedLatelyMs - this.#options.clock.nowMs();
    if (this.#pumpAgain || restMs <= 0) this.pump();
    else this.#wakeIn(restMs);
    return isWaiting(item) ? 'waiting' : 'placed';
  }

  /** Forgets an item, wherever it is. */
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

  /** The same in a moment: several that may have made room count as one. */
  pumpSoon(): void {
    if (this.#waiting > 0) this.#wakeIn(0);
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
    const barredModels = new Set<string>();
    for (const priority of this.#prioritiesDescending) {
      const band = this.#bandOf(priority);
      for (;;) {
        const item = band.next(blocked, barredModels);
        if (!item) break;
        if (!this.#place(band, item, blocked)) break;
      }
      for (const model of band.models) barredModels.add(model);
    }
  }

  /**
   * Where there is no room it waits, perhaps for something else than before; nothing else that waits for that is looked at.
   * @returns whether there may be a place for another one of the band
   */
  #place(band: PriorityBand<QueueItem>, item: QueueItem, blocked: Set<string>): boolean {
    const taken = this.#options.places.take(item, (queueKey) => blocked.has(queueKey));
    if ('endpoint' in taken) {
      band.serve(item);
      this.#forgetTimeout(item);
      item.place(taken);
      return true;
    }
    if (!blocked.has(taken.queueKey)) this.#blocked(item, taken);
    blocked.add(taken.queueKey);
    if (taken.queueKey !== item.queueKey) {
      band.remove(item);
      item.queueKey = taken.queueKey;
      band.add(item);
    }
    // All of a band are of one class. A look at each costs by the number of models that they wait for.
    if (taken.anyRoomInMs) this.#wakeIn(taken.anyRoomInMs);
    return taken.anyRoomInMs === 0;
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
  #blocked(item: QueueItem, { roomInMs }: Wait): void {
    if (this.#options.places.makeRoom(item)) this.#pumpAgain = true;
    else if (roomInMs !== undefined) this.#wakeIn(roomInMs);
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

  #anyBand(matches: (priority: number, band: PriorityBand<QueueItem>) => boolean): boolean {
    if (this.#waiting === 0) return false;
    for (const [priority, band] of this.#bands) if (matches(priority, band)) return true;
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
