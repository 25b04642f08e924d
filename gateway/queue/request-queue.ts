import type { MonotonicClock } from '../../shared/runtime/clock.ts';
import type { WorkClass } from '../admit/objectives.ts';
import type { Placement, RoutingRequest } from '../choose/chooser.ts';
import { PriorityBand, type Queued } from './priority-band.ts';
import type { QueueingCost } from './queueing-cost.ts';

/** A request on its way to an endpoint. */
export interface QueueItem extends Queued {
  readonly request: RoutingRequest;
  readonly priority: number;
  readonly terms: QueueingCost;
  /** Calls its timeout off while it waits; the waiting room's own. */
  cancelTimeout?: (() => void) | undefined;
  /** Called once, with the ticket's place. */
  start(placement: Placement): void;
  /** Called once instead, when the wait is over without a place. */
  waitedTooLong(): void;
  /** Called once instead, when it is the one too many of its tenant. */
  displace(): void;
  /** Ends it where it runs, to make room for a higher priority. */
  evict(): void;
}

export interface RequestQueueOptions {
  readonly clock: MonotonicClock;
  /** Takes a place for the ticket, if there is room for it now. */
  readonly choose: (ticket: QueueItem) => Placement | undefined;
  /** In how many milliseconds there is room for it by itself, so far as that is known. */
  readonly roomInMs: (ticket: QueueItem) => number | undefined;
  /** Frees room for a ticket that waits, where it may; true when it did. */
  readonly makeRoom: (ticket: QueueItem) => boolean;
  /** Most tickets that wait, in each priority band. */
  readonly mostPerBand: number;
  /** Longest wait. */
  readonly timeoutMs: Readonly<Record<WorkClass, number>>;
}

/** Those who come within that time look for no more than their own place: a look at all who wait costs by the number of models. */
const pumpedLatelyMs = 5;
/** Bodies that wait in one band, together. */
const mostBytesPerBand = 256 * 1024 * 1024;

/**
 * Where requests wait for room: the higher priority first, tenants taking turns within a band. What there is no room for holds up
 * nothing else, and a band without room none below it that wants other things; for the same one nobody overtakes a higher priority.
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

  /** `placed` at once, `waiting` until a pump or its timeout, `late` where nobody waits, or `full`. */
  enter(ticket: QueueItem): 'placed' | 'waiting' | 'late' | 'full' {
    const isBehind = this.#anyAhead(ticket);
    const placement = isBehind ? undefined : this.#options.choose(ticket);
    if (placement) {
      ticket.start(placement);
      return 'placed';
    }
    const timeoutMs = this.#options.timeoutMs[ticket.request.workClass];
    const band = this.#bandOf(ticket.priority);
    if (!this.#haveSpace(band, ticket)) return 'full';
    if (timeoutMs === 0) return 'late';
    band.add(ticket);
    const late = (): void => {
      this.leave(ticket);
      ticket.waitedTooLong();
    };
    ticket.cancelTimeout = this.#options.clock.after(timeoutMs, late);
    this.#waiting += 1;
    // Room may be due by itself, or has to be made. Those ahead were looked at a moment ago, and will be in a moment.
    if (!isBehind) this.#blocked(ticket);
    const restMs = this.#pumpedAtMs + pumpedLatelyMs - this.#options.clock.nowMs();
    if (this.#pumpAgain || restMs <= 0) this.pump();
    else this.#wakeIn(restMs);
    return isWaiting(ticket) ? 'waiting' : 'placed';
  }

  /** Forgets a ticket, wherever it is. */
  leave(ticket: QueueItem): void {
    if (this.#bands.get(ticket.priority)?.remove(ticket)) this.#forgetTimeout(ticket);
  }

  /** Gives places to those who wait, as far as there is room. To be called whenever room may have come. */
  pump(): void {
    this.#pumpAgain = true;
    if (this.#pumping) return;
    this.#pumping = true;
    this.#pumpedAtMs = this.#options.clock.nowMs();
    while (this.#pumpAgain) {
      this.#pumpAgain = false;
      this.#placeWhoFits();
    }
    this.#pumping = false;
  }

  /** How many wait, by priority. */
  get counts(): ReadonlyMap<number, number> {
    return new Map([...this.#bands].map(([priority, { count }]) => [priority, count]));
  }

  /** Everyone who waits, highest priority first. */
  *tickets(): Iterable<QueueItem> {
    for (const priority of this.#prioritiesDescending) yield* this.#bands.get(priority)?.tickets() ?? [];
  }

  #placeWhoFits(): void {
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
    for (const ticket of band.inTurn(blocked)) {
      if (!blocked.has(ticket.queueKey) && this.#place(band, ticket, blocked)) return true;
    }
    return false;
  }

  #place(band: PriorityBand<QueueItem>, ticket: QueueItem, blocked: Set<string>): boolean {
    const placement = this.#options.choose(ticket);
    if (!placement) {
      blocked.add(ticket.queueKey);
      this.#blocked(ticket);
      return false;
    }
    band.serve(ticket);
    this.#forgetTimeout(ticket);
    ticket.start(placement);
    return true;
  }

  /** Has tenants that hold more give way, where the band is full and that makes space. */
  #haveSpace(band: PriorityBand<QueueItem>, ticket: QueueItem): boolean {
    const surplus: QueueItem[] = [];
    while (!this.#hasSpace(band, ticket)) {
      const next = band.surplusFor(ticket, band.count >= this.#options.mostPerBand ? 'count' : 'sizeBytes');
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

  #hasSpace({ count, sizeBytes }: PriorityBand<QueueItem>, { terms }: QueueItem): boolean {
    return count < this.#options.mostPerBand && sizeBytes + terms.sizeBytes <= mostBytesPerBand;
  }

  /** Room that will not come by an event is made, or waited for until it is due. */
  #blocked(ticket: QueueItem): void {
    if (this.#options.makeRoom(ticket)) {
      this.#pumpAgain = true;
      return;
    }
    const roomInMs = this.#options.roomInMs(ticket);
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

  #forgetTimeout(ticket: QueueItem): void {
    ticket.cancelTimeout?.();
    ticket.cancelTimeout = undefined;
    this.#waiting -= 1;
    if (this.#waiting > 0) return;
    this.#cancelWake();
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
  }

  /** Nobody overtakes an equal or a higher one who waits for the same. */
  #anyAhead({ priority, queueKey }: QueueItem): boolean {
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
