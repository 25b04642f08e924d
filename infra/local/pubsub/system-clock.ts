import type { Clock } from './clock.ts';

/** Node fires timers beyond this at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, Math.min(longestTimerMs, Math.max(0, delayMs)));
    return () => clearTimeout(timer);
  },
};
