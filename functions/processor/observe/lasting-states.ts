import { type MonotonicClock, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';

/** Google closes an incident whose log line does not come again: half an hour is the least, and a minute leaves room. Derived: a thirtieth of it. */
const repeatMs = 60_000;

/** Says again, every minute while it lasts, what a line said once: an alert on that line stays open, and its end is seen. */
export class LastingStates {
  readonly #clock: MonotonicClock;
  readonly #cancels = new Map<string, () => void>();

  constructor(clock: MonotonicClock) {
    this.#clock = clock;
  }

  /** Replaces what lasted under this name. `say` hears how long it has lasted. */
  begin(name: string, say: (lastedSeconds: number) => void): void {
    this.end(name);
    this.#repeat(name, this.#clock.nowMs(), say);
  }

  end(name: string): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  #repeat(name: string, sinceMs: MonotonicMs, say: (lastedSeconds: number) => void): void {
    const cancel = this.#clock.after(repeatMs, () => {
      say(Math.round(msBetween(sinceMs, this.#clock.nowMs()) / 1000));
      this.#repeat(name, sinceMs, say);
    });
    this.#cancels.set(name, cancel);
  }
}
