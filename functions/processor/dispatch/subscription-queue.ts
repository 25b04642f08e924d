import { earliest, never, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { CallRequest, WaitingCall } from './call-request.ts';
import { TenantQueue } from './tenant-queue.ts';
import { byTurn, type Sharer } from './turns.ts';

/** One subscription before one pool: the queues of its tenants. Only tenants with messages or calls here are remembered: pushes name them. */
export class SubscriptionQueue implements Sharer {
  readonly #tenants = new Map<string, TenantQueue>();
  /** Calls under way. */
  inFlight = 0;
  turn: number;

  /** @param turn the pool's last grant */
  constructor(turn: number) {
    this.turn = turn;
  }

  get tenants(): readonly TenantQueue[] {
    return [...this.#tenants.values()];
  }

  get waiting(): number {
    return this.tenants.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** Of all messages that wait. */
  get sizeBytes(): number {
    return this.tenants.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  get isEmpty(): boolean {
    return this.#tenants.size === 0;
  }

  get hasReady(): boolean {
    return this.tenants.some(({ ready }) => ready.length > 0);
  }

  get firstDeadlineAtMs(): UnixMs {
    return earliest(never, ...this.tenants.map(({ firstDeadlineAtMs }) => firstDeadlineAtMs));
  }

  /** Messages that could go at any time: tenant by tenant in their turns, of each the earliest deadline first. */
  get ready(): readonly WaitingCall[] {
    return this.tenants.toSorted(byTurn).flatMap(({ ready }) => ready);
  }

  /** The tenant's queue; undefined where nothing of it is here. */
  queueOf({ tenant }: CallRequest): TenantQueue | undefined {
    return this.#tenants.get(tenant);
  }

  /** `isEarly`: a retry whose time has not come. */
  add(call: WaitingCall, isEarly: boolean): void {
    this.#of(call.request).add(call, isEarly);
  }

  /** The time of a retry has come. */
  ripen(call: WaitingCall): void {
    this.#of(call.request).ripen(call);
  }

  remove(call: WaitingCall): void {
    this.#of(call.request).remove(call);
    this.#prune(call.request);
  }

  /** A call is under way. `turn`: the number of its grant. */
  began(request: CallRequest, turn: number): void {
    const tenant = this.#of(request);
    tenant.inFlight += 1;
    this.inFlight += 1;
    tenant.turn = turn;
    this.turn = turn;
  }

  ended(request: CallRequest): void {
    this.#of(request).inFlight -= 1;
    this.inFlight -= 1;
    this.#prune(request);
  }

  #of({ tenant }: CallRequest): TenantQueue {
    const queue = this.#tenants.get(tenant) ?? new TenantQueue(this.turn);
    this.#tenants.set(tenant, queue);
    return queue;
  }

  #prune({ tenant }: CallRequest): void {
    if (this.#tenants.get(tenant)?.isEmpty) this.#tenants.delete(tenant);
  }
}
