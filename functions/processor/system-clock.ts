import type { Clock } from './clock.ts';

const longestDelayMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after: (delayMs, callBack) => {
    const timer = setTimeout(callBack, Math.min(longestDelayMs, Math.ceil(delayMs)));
    return () => clearTimeout(timer);
  },
};
