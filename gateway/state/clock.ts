import { longestTimerMs } from '../../shared/config/variables.ts';

/** Time, passed in, so that tests and simulations wind it by hand. */
export interface Clock {
  /** Milliseconds that never go back. */
  nowMs(): number;
  /** Runs `task` once, after the delay, at most 24 days. Returns what cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

const turnOver = Promise.resolve();
let turnAtMs: number | undefined;
const endTurn = (): void => {
  turnAtMs = undefined;
};

/** What happens in one turn of the event loop happens at one moment: a request asks for the time some forty times. */
export const processClock: Clock = {
  nowMs: () => {
    if (turnAtMs === undefined) {
      turnAtMs = performance.now();
      void turnOver.then(endTurn);
    }
    return turnAtMs;
  },
  after: (delayMs, task) => {
    // A longer one would be over at once.
    const timer = setTimeout(task, Math.min(delayMs, longestTimerMs));
    return () => clearTimeout(timer);
  },
};
