/** Time, passed in, so that tests and simulations wind it by hand. */
export interface Clock {
  /** Milliseconds that never go back. */
  nowMs(): number;
  /** Runs `task` once, after the delay. Returns what cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

export const processClock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
