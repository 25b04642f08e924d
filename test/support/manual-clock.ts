import type { MonotonicMs, UnixMs } from '../../shared/runtime/clock.ts';

/** Both clocks in one: they stand until they are wound, and only `step` sets the wall apart. Timers fire in order of their time. */
export function createManualClock(startMs = 1_800_000_000_000) {
  let nowMs = startMs;
  let steppedMs = 0;
  let timers: { readonly atMs: number; readonly task: () => void }[] = [];
  return {
    now: () => nowMs,
    nowMs: () => nowMs as MonotonicMs,
    unixMs: () => (nowMs + steppedMs) as UnixMs,
    /** Sets the wall clock, forwards or back; durations do not notice. */
    step(ms: number): void {
      steppedMs += ms;
    },
    after(delayMs: number, task: () => void): () => void {
      const timer = { atMs: nowMs + Math.max(0, delayMs), task };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    /** Lets promises settle after every timer. */
    async advance(ms: number): Promise<void> {
      const untilMs = nowMs + ms;
      for (;;) {
        await settle();
        const [next] = timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
        if (!next) break;
        timers = timers.filter((other) => other !== next);
        nowMs = next.atMs;
        next.task();
      }
      nowMs = untilMs;
    },
    pendingTimers: () => timers.length,
  };
}

export type ManualClock = ReturnType<typeof createManualClock>;

function settle(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
