import type { MonotonicClock, MonotonicMs, UnixMs, WallClock } from '../../shared/runtime/clock.ts';

interface Timer {
  readonly atMs: number;
  /** Timers of one instant run in the order in which they were set. */
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

/** Unix time at which virtual time begins: any, but one that reads as a date. */
const epochMs = Date.UTC(2026, 0, 1);
/** Cancelled timers are swept out once they are more than this and more than half of all. */
const mostCancelled = 10_000;

/** Time that passes only from one timer to the next: an hour takes as long as its work. */
export class VirtualClock implements MonotonicClock, WallClock {
  #nowMs = 0;
  #orders = 0;
  #cancelled = 0;
  /** A binary heap, the soonest first. */
  #timers: Timer[] = [];

  nowMs = (): MonotonicMs => this.#nowMs as MonotonicMs;

  /** In whole milliseconds, as the wall's. */
  unixMs = (): UnixMs => (epochMs + Math.floor(this.#nowMs)) as UnixMs;

  /** As Node's timers, never sooner than in a millisecond. */
  after = (delayMs: number, task: () => void): (() => void) => {
    return this.at(this.#nowMs + Math.max(1, delayMs), task);
  };

  at(atMs: number, task: () => void): () => void {
    const timer = { atMs, order: this.#orders++, task, cancelled: false };
    this.#push(timer);
    return () => {
      if (timer.cancelled) return;
      timer.cancelled = true;
      this.#cancelled += 1;
      if (this.#cancelled > mostCancelled && this.#cancelled > this.#timers.length / 2) this.#sweep();
    };
  }

  /** Runs timers until `isOver` or until none is left. What they do must be done when they return. */
  runUntil(isOver: () => boolean): void {
    while (!isOver()) if (!this.#runNext()) return;
  }

  /** The same where timers settle promises: all that follows from one timer is done before the next one runs. */
  async runSettledUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (!this.#runNext()) return;
      await new Promise((settled) => setImmediate(settled));
    }
  }

  #runNext(): boolean {
    const timer = this.#pop();
    if (!timer) return false;
    if (timer.cancelled) {
      this.#cancelled -= 1;
      return true;
    }
    // Marked, so that taking it back once it has run counts for nothing.
    timer.cancelled = true;
    this.#nowMs = timer.atMs;
    timer.task();
    return true;
  }

  #sweep(): void {
    const timers = this.#timers.filter(({ cancelled }) => !cancelled);
    this.#timers = [];
    this.#cancelled = 0;
    for (const timer of timers) this.#push(timer);
  }

  #push(timer: Timer): void {
    const timers = this.#timers;
    let place = timers.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(timer, timers[parent]!)) break;
      timers[place] = timers[parent]!;
      place = parent;
    }
    timers[place] = timer;
  }

  #pop(): Timer | undefined {
    const timers = this.#timers;
    const first = timers[0];
    const last = timers.pop();
    if (!first || !last || timers.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= timers.length) break;
      if (child + 1 < timers.length && isBefore(timers[child + 1]!, timers[child]!)) child += 1;
      if (!isBefore(timers[child]!, last)) break;
      timers[place] = timers[child]!;
      place = child;
    }
    timers[place] = last;
    return first;
  }
}

function isBefore(timer: Timer, other: Timer): boolean {
  return timer.atMs < other.atMs || (timer.atMs === other.atMs && timer.order < other.order);
}
