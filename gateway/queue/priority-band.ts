import type { QueueingCost } from './queueing-cost.ts';

/** What decides a ticket's turn. */
export interface Queued {
  readonly tenant: string;
  /** What it waits for; where there is no room for one of those who want the same, there is none for the others. */
  readonly queueKey: string;
  readonly terms: Pick<QueueingCost, 'deadlineAtMs' | 'work' | 'sizeBytes'>;
}

/** One tenant's tickets. */
interface Flow<T> {
  /** Virtual time at which its next ticket starts. */
  turnAt: number;
  count: number;
  sizeBytes: number;
  /** What they want → tickets, the earliest deadline first. */
  readonly queues: Map<string, T[]>;
}

/** Tenants without tickets that are remembered: their names are the clients' to choose. */
const mostRemembered = 1000;

/**
 * Tickets of one priority. Tenants take turns by the work they get, not by its pieces: start-time fair queueing, in which every
 * ticket starts where its tenant's last one ended and the earliest start goes first. Within a tenant the earliest deadline goes
 * first, equal ones in order of arrival. Source: Goyal, Vin, Cheng, Start-time Fair Queuing, SIGCOMM 1996.
 */
export class PriorityBand<T extends Queued> {
  readonly #lines = new Map<string, Flow<T>>();
  /** How many want what. */
  readonly #wanted = new Map<string, number>();
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

  isWanted(what: string): boolean {
    return this.#wanted.has(what);
  }

  add(ticket: T): void {
    let line = this.#lines.get(ticket.tenant);
    if (!line) {
      line = { turnAt: this.#virtualTime, count: 0, sizeBytes: 0, queues: new Map() };
      this.#lines.set(ticket.tenant, line);
    }
    // Who had nothing waiting gathers no claims.
    if (line.count === 0) line.turnAt = Math.max(line.turnAt, this.#virtualTime);
    const queue = line.queues.get(ticket.queueKey) ?? [];
    queue.splice(placeOf(queue, ticket), 0, ticket);
    line.queues.set(ticket.queueKey, queue);
    this.#wanted.set(ticket.queueKey, (this.#wanted.get(ticket.queueKey) ?? 0) + 1);
    this.#count += 1;
    this.#sizeBytes += ticket.terms.sizeBytes;
    line.count += 1;
    line.sizeBytes += ticket.terms.sizeBytes;
  }

  /** Whose turn it is, of those who want nothing that is blocked. */
  next(blocked: ReadonlySet<string>): T | undefined {
    if (blocked.size >= this.#wanted.size && this.#allAreIn(blocked)) return undefined;
    let first: T | undefined;
    let firstTurnAt = Number.POSITIVE_INFINITY;
    for (const { turnAt, queues } of this.#lines.values()) {
      if (turnAt > firstTurnAt) continue;
      for (const [what, [head]] of queues) {
        if (!head || blocked.has(what)) continue;
        if (turnAt === firstTurnAt && first && first.terms.deadlineAtMs <= head.terms.deadlineAtMs) continue;
        first = head;
        firstTurnAt = turnAt;
      }
    }
    return first;
  }

  /** The first of each tenant and of all that it waits for, in the order of their turns; none that wants what is blocked. */
  inTurn(blocked: ReadonlySet<string>): readonly T[] {
    if (this.#allAreIn(blocked)) return [];
    const heads: { readonly turnAt: number; readonly head: T }[] = [];
    for (const { turnAt, queues } of this.#lines.values()) {
      for (const [what, [head]] of queues) if (head && !blocked.has(what)) heads.push({ turnAt, head });
    }
    heads.sort((a, b) => a.turnAt - b.turnAt || a.head.terms.deadlineAtMs - b.head.terms.deadlineAtMs);
    return heads.map(({ head }) => head);
  }

  /**
   * Who should go where one more of the tenant is too many: the last ticket of whoever holds most, if that is more than the tenant would
   * hold. Undefined where the tenant itself is that one.
   */
  surplusFor(newcomer: T, measure: 'count' | 'sizeBytes'): T | undefined {
    const own = this.#lines.get(newcomer.tenant)?.[measure] ?? 0;
    let most = own + (measure === 'count' ? 1 : newcomer.terms.sizeBytes);
    let largest: Flow<T> | undefined;
    for (const line of this.#lines.values()) {
      if (line[measure] <= most) continue;
      most = line[measure];
      largest = line;
    }
    const lasts = [...(largest?.queues.values() ?? [])].flatMap((queue) => queue.slice(-1));
    return lasts.reduce<T | undefined>(
      (last, ticket) => (last && last.terms.deadlineAtMs > ticket.terms.deadlineAtMs ? last : ticket),
      undefined,
    );
  }

  /** Takes out a ticket that got its place: its tenant has had its turn. */
  serve(ticket: T): void {
    const line = this.#lines.get(ticket.tenant);
    if (!line || !this.#takeOut(ticket)) return;
    this.#virtualTime = Math.max(this.#virtualTime, line.turnAt);
    line.turnAt += ticket.terms.work;
    this.#forget();
  }

  /** False when it is not here. */
  remove(ticket: T): boolean {
    if (!this.#takeOut(ticket)) return false;
    const line = this.#lines.get(ticket.tenant);
    if (line?.count === 0 && line.turnAt <= this.#virtualTime) this.#lines.delete(ticket.tenant);
    return true;
  }

  *tickets(): Iterable<T> {
    for (const { queues } of this.#lines.values()) for (const queue of queues.values()) yield* queue;
  }

  #takeOut(ticket: T): boolean {
    const line = this.#lines.get(ticket.tenant);
    const queue = line?.queues.get(ticket.queueKey);
    const index = queue?.indexOf(ticket) ?? -1;
    if (!line || !queue || index < 0) return false;
    queue.splice(index, 1);
    if (queue.length === 0) line.queues.delete(ticket.queueKey);
    const wanted = this.#wanted.get(ticket.queueKey)! - 1;
    if (wanted === 0) this.#wanted.delete(ticket.queueKey);
    else this.#wanted.set(ticket.queueKey, wanted);
    this.#count -= 1;
    this.#sizeBytes -= ticket.terms.sizeBytes;
    line.count -= 1;
    line.sizeBytes -= ticket.terms.sizeBytes;
    if (this.#count === 0) this.#lines.clear();
    return true;
  }

  #allAreIn(blocked: ReadonlySet<string>): boolean {
    for (const what of this.#wanted.keys()) if (!blocked.has(what)) return false;
    return true;
  }

  /** A tenant without tickets is remembered while it is ahead of others that wait, so that coming back at once gains nothing. */
  #forget(): void {
    let remembered = 0;
    let oldest: string | undefined;
    for (const [tenant, { turnAt, count }] of this.#lines) {
      if (count > 0) continue;
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
