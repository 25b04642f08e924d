import type { Terms } from '../decisions/terms.ts';

/** What decides a ticket's turn. */
export interface Queued {
  readonly tenant: string;
  readonly model: string;
  readonly terms: Pick<Terms, 'deadlineAtMs' | 'work' | 'sizeBytes'>;
}

/** One tenant's tickets. */
interface Line<T> {
  /** Virtual time at which its next ticket starts. */
  turnAt: number;
  /** Model → tickets, the earliest deadline first. */
  readonly queues: Map<string, T[]>;
}

/** Tenants without tickets that are remembered: their names are the clients' to choose. */
const mostRemembered = 1000;

/**
 * Tickets of one priority. Tenants take turns by the work they get, not by its pieces: start-time fair queueing, in which every
 * ticket starts where its tenant's last one ended and the earliest start goes first. Within a tenant the earliest deadline goes
 * first, equal ones in order of arrival. Source: Goyal, Vin, Cheng, Start-time Fair Queuing, SIGCOMM 1996.
 */
export class Band<T extends Queued> {
  readonly #lines = new Map<string, Line<T>>();
  #virtualTime = 0;
  #count = 0;
  #sizeBytes = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of the bodies that wait. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  waitsFor(model: string): boolean {
    for (const { queues } of this.#lines.values()) if (queues.has(model)) return true;
    return false;
  }

  add(ticket: T): void {
    let line = this.#lines.get(ticket.tenant);
    if (!line) {
      line = { turnAt: this.#virtualTime, queues: new Map() };
      this.#lines.set(ticket.tenant, line);
    }
    // Who had nothing waiting gathers no claims.
    if (line.queues.size === 0) line.turnAt = Math.max(line.turnAt, this.#virtualTime);
    const queue = line.queues.get(ticket.model) ?? [];
    queue.splice(placeOf(queue, ticket), 0, ticket);
    line.queues.set(ticket.model, queue);
    this.#count += 1;
    this.#sizeBytes += ticket.terms.sizeBytes;
  }

  /** Whose turn it is, models that are blocked left out. */
  next(blockedModels: ReadonlySet<string>): T | undefined {
    let first: T | undefined;
    let firstTurnAt = Number.POSITIVE_INFINITY;
    for (const { turnAt, queues } of this.#lines.values()) {
      if (turnAt > firstTurnAt) continue;
      for (const [model, [head]] of queues) {
        if (!head || blockedModels.has(model)) continue;
        if (turnAt === firstTurnAt && first && first.terms.deadlineAtMs <= head.terms.deadlineAtMs) continue;
        first = head;
        firstTurnAt = turnAt;
      }
    }
    return first;
  }

  /** Takes out a ticket that got its place: its tenant has had its turn. */
  serve(ticket: T): void {
    const line = this.#lines.get(ticket.tenant);
    if (!line || !this.remove(ticket)) return;
    this.#virtualTime = Math.max(this.#virtualTime, line.turnAt);
    line.turnAt += ticket.terms.work;
    this.#forget();
  }

  /** False when it is not here. */
  remove(ticket: T): boolean {
    const queues = this.#lines.get(ticket.tenant)?.queues;
    const queue = queues?.get(ticket.model);
    const index = queue?.indexOf(ticket) ?? -1;
    if (!queues || !queue || index < 0) return false;
    queue.splice(index, 1);
    if (queue.length === 0) queues.delete(ticket.model);
    this.#count -= 1;
    this.#sizeBytes -= ticket.terms.sizeBytes;
    if (this.#count === 0) this.#lines.clear();
    return true;
  }

  *tickets(): Iterable<T> {
    for (const { queues } of this.#lines.values()) for (const queue of queues.values()) yield* queue;
  }

  /** A tenant without tickets is remembered while it is ahead of the others, so that coming back at once gains nothing. */
  #forget(): void {
    let remembered = 0;
    let oldest: string | undefined;
    for (const [tenant, { turnAt, queues }] of this.#lines) {
      if (queues.size > 0) continue;
      if (turnAt <= this.#virtualTime) this.#lines.delete(tenant);
      else {
        remembered += 1;
        oldest ??= tenant;
      }
    }
    if (remembered > mostRemembered && oldest !== undefined) this.#lines.delete(oldest);
  }
}

/** Where a newcomer stands: behind all whose deadline is not later. */
function placeOf(queue: readonly Queued[], { terms }: Queued): number {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (queue[middle]!.terms.deadlineAtMs <= terms.deadlineAtMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
