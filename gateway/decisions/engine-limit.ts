/** How many requests an engine was seen to run at once while others waited. */
export interface EngineLimit {
  readonly running: number;
  /** Waiting at the reading before. */
  readonly waitedBefore: number;
}

export const noEngineLimit: EngineLimit = { running: Number.POSITIVE_INFINITY, waitedBefore: 0 };

/**
 * The limit after another reading. One that arrives waits for the next step even in an idle engine, so that only a queue that two
 * readings see is one. With an empty queue an engine at its limit may take more than was thought.
 */
export function nextEngineLimit(limit: EngineLimit, running: number, waiting: number): EngineLimit {
  if (waiting > 0 && limit.waitedBefore > 0) return { running, waitedBefore: waiting };
  const grown = waiting === 0 && running >= limit.running ? running + engineQueue(running) : limit.running;
  return { running: grown, waitedBefore: waiting };
}

/** Requests that may stand in an engine's own queue, so that it has the next one when a place is free. */
export function engineQueue(running: number): number {
  return Math.max(1, Math.ceil(running / 32));
}
