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
/** By how much the limit grows in a second of such readings: one of 64 is found again within a minute. */
const growth = { share: 0.04, requests: 0.5 };
/** A longer silence says nothing of what was in it. */
const longestSinceMs = 2000;

/** The limit after another reading, so long after the last. What limits an engine changes: its memory holds many short contexts or a few long ones; one that was idle begins anew. */
export function nextEngineLimit(limit: EngineLimit, running: number, waiting: number, sinceMs: number): EngineLimit {
  const queued = waiting > 0 ? limit.queued + 1 : 0;
  if (queued >= readingsToTell) return { running: Math.max(1, running), queued };
  if (running + waiting === 0) return noEngineLimit;
  const mayTakeMore = waiting === 0 && running >= Math.floor(limit.running) * usedShare;
  if (!mayTakeMore) return { running: limit.running, queued };
  const seconds = Math.min(sinceMs, longestSinceMs) / 1000;
  const seen = Math.max(running, limit.running);
  return { running: seen * (1 + growth.share * seconds) + growth.requests * seconds, queued };
}

/** Requests that may stand in an engine's own queue, so that it has the next one when a place is free. */
export function engineQueue(running: number): number {
  return Math.max(1, Math.ceil(running / 32));
}
