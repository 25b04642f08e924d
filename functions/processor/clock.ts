export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number;
  /** Calls back once, not before `delayMs` are over; returns how to call it off. */
  after(delayMs: number, callBack: () => void): () => void;
}
