import type { MonotonicClock, MonotonicMs } from '../../shared/runtime/clock.ts';

interface Timer {
  readonly atMs: number;
  /** Timers of one instant run in the order in which they were set. */
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

/** Time that passes only from one timer to the next: an hour takes as long as its work. */
export class VirtualClock implements MonotonicClock {
  #nowMs = 0;
  #orders = 0;
  /** A binary heap, the soonest first. */
  readonly #timers: Timer[] = [];

  nowMs = (): MonotonicMs => this.#nowMs as MonotonicMs;

  /** As Node's timers, never sooner than in a millisecond. */
  after(delayMs: number, task: () => void): () => void {
    return this.at(this.#nowMs + Math.max(1, delayMs), task);
  }

  at(atMs: number, task: () => void): () => void {
    const timer = { atMs, order: this.#orders++, task, cancelled: false };
    this.#push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Runs timers until `isOver` or until none is left. */
  runUntil(isOver: () => boolean): void {
    while (!isOver()) {
      const timer = this.#pop();
      if (!timer) return;
      if (timer.cancelled) continue;
      this.#nowMs = timer.atMs;
      timer.task();
    }
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
