import { never, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { WaitingCall } from './call-request.ts';
import type { Sharer } from './turns.ts';

/** One tenant's messages of one subscription before one pool, and its calls there. */
export class TenantQueue implements Sharer {
  /** Messages that could go at any time, the earliest deadline first. */
  readonly ready: WaitingCall[] = [];
  /** Retries whose time has not come. */
  readonly #early = new Set<WaitingCall>();
  inFlight = 0;
  turn: number;
  #sizeBytes = 0;

  /** @param turn the pool's last grant */
  constructor(turn: number) {
    this.turn = turn;
  }

  get waiting(): number {
    return this.ready.length + this.#early.size;
  }

  /** Of all messages that wait. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isEmpty(): boolean {
    return this.waiting === 0 && this.inFlight === 0;
  }

  get firstDeadlineAtMs(): UnixMs {
    return this.ready[0]?.request.deadlineAtMs ?? never;
  }

  /** `isEarly`: a retry whose time has not come. */
  add(call: WaitingCall, isEarly: boolean): void {
    this.#sizeBytes += call.request.sizeBytes;
    if (isEarly) this.#early.add(call);
    else this.#insert(call);
  }

  /** The time of a retry has come. */
  ripen(call: WaitingCall): void {
    if (this.#early.delete(call)) this.#insert(call);
  }

  remove(call: WaitingCall): void {
    this.#sizeBytes -= call.request.sizeBytes;
    if (!this.#early.delete(call)) this.ready.splice(this.ready.indexOf(call), 1);
  }

  /** The message that loses least by going back to Pub/Sub: the one with the latest deadline. Undefined when none waits. */
  latest(): WaitingCall | undefined {
    const last = this.ready.at(-1);
    return [...this.#early].reduce<WaitingCall | undefined>(
      (latest, call) => (latest && latest.request.deadlineAtMs > call.request.deadlineAtMs ? latest : call),
      last,
    );
  }

  #insert(call: WaitingCall): void {
    const behind = this.ready.findIndex(({ request }) => request.deadlineAtMs > call.request.deadlineAtMs);
    this.ready.splice(behind < 0 ? this.ready.length : behind, 0, call);
  }
}
