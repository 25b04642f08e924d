export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Runs `task` once after `delayMs`; the answer takes it back. */
  after(delayMs: number, task: () => void): () => void;
}
