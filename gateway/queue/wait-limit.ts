import type { WorkClass } from '../work-class.ts';

/** The gateway's own limits, in milliseconds. */
export interface WaitOptions {
  readonly queueTimeoutMs: number;
  /** Of sheddable work. */
  readonly sheddableWaitMs: number;
}

/** The longest wait of a request in the queue. */
export interface WaitLimit {
  readonly timeoutMs: number;
  /** What the request is told when it is over: that its own time is over, or that the pool is full. */
  readonly code: 'queue_timeout' | 'saturated';
}

/**
 * How long a request may wait in the queue: no longer than its own time limit and the gateway's, and sheddable work no longer than that is
 * worth it.
 * @param queueTtlMs the request's own limit, or its objective's; undefined where neither has one
 */
export function waitLimitOf(
  { workClass, queueTtlMs = Number.POSITIVE_INFINITY }: { workClass: WorkClass; queueTtlMs?: number | undefined },
  { queueTimeoutMs, sheddableWaitMs }: WaitOptions,
): WaitLimit {
  const ttlMs = Math.min(queueTtlMs, queueTimeoutMs);
  const isShedFirst = workClass === 'sheddable' && sheddableWaitMs < ttlMs;
  return isShedFirst ? { timeoutMs: sheddableWaitMs, code: 'saturated' } : { timeoutMs: ttlMs, code: 'queue_timeout' };
}
