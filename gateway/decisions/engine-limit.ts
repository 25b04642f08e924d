/** How many requests an engine was seen to run at once while others waited. */
export interface EngineLimit {
  /** A fraction of a request is the way to the next one. */
  readonly running: number;
  /** Readings in a row that saw a queue. */
  readonly queued: number;
}

export const noEngineLimit: EngineLimit = { running: Number.POSITIVE_INFINITY, queued: 0 };

/** One that arrives waits for the next step even in an idle engine: only a queue that so many readings see in a row is one. */
const readingsToTell = 2;
/** From this share of the limit on, an engine without a queue shows that it may take more than was thought. */
const usedShare = 0.8;
/** By how much the limit grows at such a reading: doubled in half a minute. */
const growth = 0.01;

/** The limit after another reading. What limits an engine changes: its memory holds many short contexts or a few long ones; one that was idle begins anew. */
export function nextEngineLimit(limit: EngineLimit, running: number, waiting: number): EngineLimit {
  const queued = waiting > 0 ? limit.queued + 1 : 0;
  if (queued >= readingsToTell) return { running: Math.max(1, running), queued };
  if (running + waiting === 0) return noEngineLimit;
  const mayTakeMore = waiting === 0 && running >= limit.running * usedShare;
  return { running: mayTakeMore ? Math.max(running, limit.running) * (1 + growth) : limit.running, queued };
}

/** Requests that may stand in an engine's own queue, so that it has the next one when a place is free. */
export function engineQueue(running: number): number {
  return Math.max(1, Math.ceil(running / 32));
}
