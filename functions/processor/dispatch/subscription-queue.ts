import type { AdmissionOutcome, CallRequest } from './admission.ts';

export interface Waiter {
  readonly ask: CallRequest;
  readonly settle: (admitted: AdmissionOutcome) => void;
  /** Lets go of the clock and of the signal. */
  release: () => void;
}

/** One subscription before one pool: its messages that wait, and how many of its calls are under way. */
export class SubscriptionQueue {
  /** Those that could go at any time, the earliest deadline first. */
  readonly ready: Waiter[] = [];
  /** Retries whose time has not come. */
  readonly early = new Set<Waiter>();
  inFlight = 0;
  #sizeBytes = 0;

  get waiting(): number {
    return this.ready.length + this.early.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isEmpty(): boolean {
    return this.waiting === 0 && this.inFlight === 0;
  }

  enter(waiter: Waiter, isEarly: boolean): void {
    this.#sizeBytes += waiter.ask.sizeBytes;
    if (isEarly) this.early.add(waiter);
    else this.#insert(waiter);
  }

  /** Its time has come. */
  ripen(waiter: Waiter): void {
    if (this.early.delete(waiter)) this.#insert(waiter);
  }

  leave(waiter: Waiter): void {
    this.#sizeBytes -= waiter.ask.sizeBytes;
    if (!this.early.delete(waiter)) this.ready.splice(this.ready.indexOf(waiter), 1);
  }

  /** Who loses least by going back to Pub/Sub. Undefined when nobody waits. */
  latest(): Waiter | undefined {
    const last = this.ready.at(-1);
    return [...this.early].reduce<Waiter | undefined>(
      (latest, waiter) => (latest && latest.ask.deadlineAtMs > waiter.ask.deadlineAtMs ? latest : waiter),
      last,
    );
  }

  #insert(waiter: Waiter): void {
    const behind = this.ready.findIndex(({ ask }) => ask.deadlineAtMs > waiter.ask.deadlineAtMs);
    this.ready.splice(behind < 0 ? this.ready.length : behind, 0, waiter);
  }
}
