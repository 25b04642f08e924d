/** Time, passed in, so that tests and simulations wind it by hand. */
export interface Clock {
  /** Milliseconds that never go back. */
  nowMs(): number;
  /** Runs `task` once, after the delay. Returns what cancels it. */
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
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
