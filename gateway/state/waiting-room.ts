import type { Placement, RoutingRequest } from './chooser.ts';
import type { WorkClass } from './ledger.ts';

/** A request on its way to an endpoint. */
export interface Ticket extends RoutingRequest {
  readonly priority: number;
  readonly workClass: WorkClass;
  readonly tenant: string;
  readonly model: string;
  readonly promptTokens: number;
  /** Called once, with the ticket's place. */
  start(placement: Placement): void;
  /** Called once instead, when the wait is over without a place. */
  waitedTooLong(): void;
}

export interface WaitingRoomOptions {
  /** Takes a place for the ticket, if there is room for it now. */
  readonly choose: (ticket: Ticket) => Placement | undefined;
  /** Most tickets that wait, in each priority band. */
  readonly mostPerBand: number;
  /** Longest wait. */
  readonly timeoutMs: Readonly<Record<WorkClass, number>>;
}

interface Waiting {
  readonly ticket: Ticket;
  readonly timer: NodeJS.Timeout;
}

/** Model → its tickets in order of arrival. */
type Band = Map<string, Map<Ticket, Waiting>>;

/**
 * Where requests wait for room: the higher priority first, first come first served within a band. A model without room holds
 * up no other one, and a band without room none below it that has.
 */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  readonly #bands = new Map<number, Band>();
  #prioritiesDescending: readonly number[] = [];

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  /** `placed` at once, `waiting` until a pump or its timeout, or `full`. */
  enter(ticket: Ticket): 'placed' | 'waiting' | 'full' {
    const placement = this.#anyAhead(ticket) ? undefined : this.#options.choose(ticket);
    if (placement) {
      ticket.start(placement);
      return 'placed';
    }
    const timeoutMs = this.#options.timeoutMs[ticket.workClass];
    const band = this.#bandOf(ticket.priority);
    if (timeoutMs === 0 || countOf(band) >= this.#options.mostPerBand) return 'full';
    const timer = setTimeout(() => {
      this.leave(ticket);
      ticket.waitedTooLong();
    }, timeoutMs);
    const queue = band.get(ticket.model) ?? new Map<Ticket, Waiting>();
    band.set(ticket.model, queue.set(ticket, { ticket, timer }));
    return 'waiting';
  }

  /** Forgets a ticket, wherever it is. */
  leave(ticket: Ticket): void {
    const band = this.#bands.get(ticket.priority);
    const queue = band?.get(ticket.model);
    const waiting = queue?.get(ticket);
    if (!band || !queue || !waiting) return;
    clearTimeout(waiting.timer);
    queue.delete(ticket);
    if (queue.size === 0) band.delete(ticket.model);
  }

  /** Gives places to those who wait, as far as there is room. To be called whenever room may have come. */
  pump(): void {
    for (const priority of this.#prioritiesDescending) {
      for (const queue of this.#bands.get(priority)?.values() ?? []) {
        for (const ticket of queue.keys()) {
          const placement = this.#options.choose(ticket);
          if (!placement) break;
          this.leave(ticket);
          ticket.start(placement);
        }
      }
    }
  }

  /** Everyone who waits, highest priority first. */
  *tickets(): Iterable<Ticket> {
    for (const priority of this.#prioritiesDescending) {
      for (const queue of this.#bands.get(priority)?.values() ?? []) yield* queue.keys();
    }
  }

  /** Nobody overtakes an equal who waits for the same model. */
  #anyAhead({ priority, model }: Ticket): boolean {
    return this.#bands.get(priority)?.has(model) ?? false;
  }

  #bandOf(priority: number): Band {
    let band = this.#bands.get(priority);
    if (!band) {
      band = new Map();
      this.#bands.set(priority, band);
      this.#prioritiesDescending = [...this.#bands.keys()].sort((a, b) => b - a);
    }
    return band;
  }
}

function countOf(band: Band): number {
  let count = 0;
  for (const queue of band.values()) count += queue.size;
  return count;
}
