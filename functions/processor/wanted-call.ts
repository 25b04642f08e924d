import type { AsyncRequest } from '../../shared/pubsub/request.ts';
import { later, longAgo, type MonotonicMs, msBetween, type UnixMs } from '../../shared/runtime/clock.ts';
import type { PushedWork } from './delivery-parts.ts';
import type { CallRequest } from './dispatch/call-request.ts';

/** What a delivery adds to its request. */
export interface WantedTerms {
  readonly push: PushedWork;
  /** What the message depends on beside its path. */
  readonly topics: readonly string[];
  readonly signal: AbortSignal;
  readonly arrivedAtMs: MonotonicMs;
  readonly nowMs: MonotonicMs;
  readonly unixMs: UnixMs;
}

/** The call that a request wants. A retry's time is turned into a wait here and once: a wall clock that is set meanwhile does not change it. */
export function wantedCall(
  request: AsyncRequest,
  { push, topics, signal, arrivedAtMs, nowMs, unixMs }: WantedTerms,
): Omit<CallRequest, 'giveUpAtMs'> {
  const { retryAtMs, attemptsFailed, deadlineAtMs } = request;
  const { message, name, origin, policy, pool } = push;
  const waitMs = retryAtMs === undefined ? 0 : msBetween(unixMs, retryAtMs);
  return {
    message: name,
    tenant: request.tenant,
    hasFailed: attemptsFailed > 0,
    attemptsFailed,
    maxOutputTokens: request.maxOutputTokens,
    job: request.job,
    arrivedAtMs: later(arrivedAtMs, Math.max(0, waitMs)),
    hasEscalation: policy.escalationObjective !== undefined,
    subscription: origin,
    policy,
    pool,
    path: request.endpoint,
    topics,
    maxInFlight: policy.maxInFlight,
    notBeforeMs: waitMs <= 0 ? longAgo : later(nowMs, waitMs),
    deadlineAtMs,
    windowMs: msBetween(request.firstPublishedAtMs, deadlineAtMs),
    sizeBytes: message.data.length,
    signal,
  };
}
