import type { QueueingCost } from './queueing-cost.ts';

/** What decides an item's turn. */
export interface Queued {
  readonly request: { readonly tenant: string; readonly model: string };
  /** What it waits for; where there is no room for one of those that wait for the same, there is none for the others. */
  readonly queueKey: string;
  readonly cost: Pick<QueueingCost, 'deadlineAtMs' | 'work' | 'sizeBytes'>;
}

/** One tenant's items. */
interface Flow<T> {
  /** Virtual time at which its next item starts. */
  turnAt: number;
  count: number;
  sizeBytes: number;
  /** Queue key → items, the earliest deadline first. */
  readonly queues: Map<string, T[]>;
}

const none: ReadonlySet<string> = new Set();
/** Tenants without items that are remembered: their names are the clients' to choose. Derived: a few hundred bytes each. */
const mostRemembered = 1000;

/**
 * Items of one priority. Tenants take turns by the work they get, not by its pieces: start-time fair queueing, in which every
 * item starts where its tenant's last one ended and the earliest start goes first. Within a tenant the earliest deadline goes
 * first, equal ones in order of arrival. Source: Goyal, Vin, Cheng, Start-time Fair Queuing, SIGCOMM 1996.
 */
export class PriorityBand<T extends Queued> {
  readonly #flows = new Map<string, Flow<T>>();
  /** Queue key → how many wait for it. */
  readonly #wanted = new Map<string, number>();
  /** Model → how many wait for any endpoint of it. */
  readonly #models = new Map<string, number>();
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

  isWanted(queueKey: string): boolean {
    return this.#wanted.has(queueKey);
  }

  /** Models of those that wait. */
  get models(): Iterable<string> {
    return this.#models.keys();
  }

  wantsModel(model: string): boolean {
    return this.#models.has(model);
  }

  add(item: T): void {
    let flow = this.#flows.get(item.request.tenant);
    if (!flow) {
      flow = { turnAt: this.#virtualTime, count: 0, sizeBytes: 0, queues: new Map() };
      this.#flows.set(item.request.tenant, flow);
    }
    // A tenant's virtual start time never lags the band's: it gathers no credit while nothing of it waits.
    if (flow.count === 0) flow.turnAt = Math.max(flow.turnAt, this.#virtualTime);
    const queue = flow.queues.get(item.queueKey) ?? [];
    queue.splice(placeOf(queue, item), 0, item);
    flow.queues.set(item.queueKey, queue);
    count(this.#wanted, item.queueKey, 1);
    count(this.#models, item.request.model, 1);
    this.#count += 1;
    this.#sizeBytes += item.cost.sizeBytes;
    flow.count += 1;
    flow.sizeBytes += item.cost.sizeBytes;
  }

  /** The item whose turn it is, of those that wait for nothing that is blocked, and for no model that is barred. */
  next(blocked: ReadonlySet<string>, barredModels: ReadonlySet<string> = none): T | undefined {
    if (blocked.size >= this.#wanted.size && this.#allAreIn(blocked)) return undefined;
    let first: T | undefined;
    let firstTurnAt = Number.POSITIVE_INFINITY;
    for (const { turnAt, queues } of this.#flows.values()) {
      if (turnAt > firstTurnAt) continue;
      for (const [what, [head]] of queues) {
        if (!head || blocked.has(what) || barredModels.has(head.request.model)) continue;
        if (turnAt === firstTurnAt && first && first.cost.deadlineAtMs <= head.cost.deadlineAtMs) continue;
        first = head;
        firstTurnAt = turnAt;
      }
    }
    return first;
  }

  /**
   * The item that should go where one more of the newcomer's tenant is too many: the last one of the tenant that holds most, if that is
   * more than the newcomer's would hold. Undefined where the newcomer's tenant itself is that one.
   */
  surplusFor(newcomer: T, measure: 'count' | 'sizeBytes'): T | undefined {
    const own = this.#flows.get(newcomer.request.tenant)?.[measure] ?? 0;
    let most = own + (measure === 'count' ? 1 : newcomer.cost.sizeBytes);
    let largest: Flow<T> | undefined;
    for (const flow of this.#flows.values()) {
      if (flow[measure] <= most) continue;
      most = flow[measure];
      largest = flow;
    }
    const lasts = [...(largest?.queues.values() ?? [])].flatMap((queue) => queue.slice(-1));
    return lasts.reduce<T | undefined>(
      (last, item) => (last && last.cost.deadlineAtMs > item.cost.deadlineAtMs ? last : item),
      undefined,
    );
  }

  /** Takes out a item that got its place: its tenant has had its turn. */
  serve(item: T): void {
    const flow = this.#flows.get(item.request.tenant);
    if (!flow || !this.#takeOut(item)) return;
    this.#virtualTime = Math.max(this.#virtualTime, flow.turnAt);
    flow.turnAt += item.cost.work;
    this.#forget();
  }

  /** False when it is not here. */
  remove(item: T): boolean {
    if (!this.#takeOut(item)) return false;
    const flow = this.#flows.get(item.request.tenant);
    if (flow?.count === 0 && flow.turnAt <= this.#virtualTime) this.#flows.delete(item.request.tenant);
    return true;
  }

  *items(): Iterable<T> {
    for (const { queues } of this.#flows.values()) for (const queue of queues.values()) yield* queue;
  }

  #takeOut(item: T): boolean {
    const flow = this.#flows.get(item.request.tenant);
    const queue = flow?.queues.get(item.queueKey);
    const index = queue?.indexOf(item) ?? -1;
    if (!flow || !queue || index < 0) return false;
    queue.splice(index, 1);
    if (queue.length === 0) flow.queues.delete(item.queueKey);
    count(this.#wanted, item.queueKey, -1);
    count(this.#models, item.request.model, -1);
    this.#count -= 1;
    this.#sizeBytes -= item.cost.sizeBytes;
    flow.count -= 1;
    flow.sizeBytes -= item.cost.sizeBytes;
    if (this.#count === 0) this.#flows.clear();
    return true;
  }

  #allAreIn(blocked: ReadonlySet<string>): boolean {
    for (const what of this.#wanted.keys()) if (!blocked.has(what)) return false;
    return true;
  }

  /** A tenant without items is remembered while it is ahead of others that wait, so that coming back at once gains nothing. */
  #forget(): void {
    let remembered = 0;
    let oldest: string | undefined;
    for (const [tenant, { turnAt, count }] of this.#flows) {
      if (count > 0) continue;
      if (turnAt <= this.#virtualTime) this.#flows.delete(tenant);
      else {
        remembered += 1;
        oldest ??= tenant;
      }
    }
    if (remembered > mostRemembered && oldest !== undefined) this.#flows.delete(oldest);
  }
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const value = (counts.get(key) ?? 0) + change;
  if (value === 0) counts.delete(key);
  else counts.set(key, value);
}

/** Where a newcomer stands: behind all whose deadline is not later. */
function placeOf(queue: readonly Queued[], { cost }: Queued): number {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (queue[middle]!.cost.deadlineAtMs <= cost.deadlineAtMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
