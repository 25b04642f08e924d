import { isExpired } from '../../../shared/pubsub/deadline.ts';
import type { AsyncRequest, RequestIdentity, RequestName } from '../../../shared/pubsub/request.ts';
import { msBetween, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { CallClass, CallEnd } from '../call/answer.ts';
import { type DeliveryStatus, noRoom, unavailable } from '../delivery-status.ts';
import type { AdmissionOutcome, UnreachableOutcome } from '../dispatch/call-request.ts';
import { type ErrorCode, type RequestEnding, tooLarge } from './result.ts';
import { attemptSpanMs } from './retry.ts';

/** What ends a delivery. */
export type LastStep = FinishStep | RetryStep | GiveBackStep;

/** What to do next for a message. */
export type NextStep =
  | LastStep
  /** The gateway had no room, or was not reached: the message waits for another place, `pauseMs` at the least. */
  | { readonly step: 'wait-on'; readonly pauseMs: number };

/** Protocol: the shortest interval between two probes of contract §3. */
const unreachablePauseMs = 1000;

/** The request gets its result, and its dead letter where `deadLetter` names a reason for one. */
export interface FinishStep {
  readonly step: 'finish';
  readonly identity: RequestIdentity;
  readonly ending: RequestEnding;
  /** Calls that ended in success or failure, of all deliveries. */
  readonly attempts: number;
  readonly deadLetter?: ErrorCode;
}

/** The attempt failed, and the request is published again. */
export interface RetryStep {
  readonly step: 'retry';
  readonly request: AsyncRequest;
  readonly call: CallEnd;
  /** Status of the last complete answer to any delivery. */
  readonly lastStatus: number | undefined;
}

/** No attempt is counted, and Pub/Sub brings the message again. */
export interface GiveBackStep {
  readonly step: 'give-back';
  readonly request: RequestName;
  readonly status: DeliveryStatus;
  readonly why: string;
}

/** A call that ended. */
export interface EndedAttempt {
  readonly request: AsyncRequest;
  readonly call: CallEnd;
  readonly callClass: CallClass;
  /** The path's breaker was open when the call began. */
  readonly isProbe: boolean;
  /** How long the message may still wait here, in milliseconds. */
  readonly mayWaitMs: number;
  readonly maxAttempts: number;
  /** `RETRY_SPAN_SECONDS` in milliseconds: attempts that failed in less time use up no message. */
  readonly retrySpanMs: number;
  readonly nowMs: UnixMs;
}

/** A message that can never succeed. */
export function afterRefusal(identity: RequestIdentity, why: string): FinishStep {
  const ending = { errorCode: 'INVALID_REQUEST', message: why, statusCode: 0 } as const;
  return { step: 'finish', identity, ending, attempts: identity.attemptsFailed, deadLetter: 'INVALID_REQUEST' };
}

/** A message that got no place for its call. */
export function afterWait(request: AsyncRequest, outcome: Exclude<AdmissionOutcome, { got: 'permit' }>): LastStep {
  switch (outcome.got) {
    case 'expired':
      return afterExpiry(request);
    case 'unreachable':
      return afterUnreachable(request, outcome);
    case 'aborted':
      return giveBack(request, unavailable, 'aborted');
    case 'deferred':
      return giveBack(request, outcome.reason === 'breaker' ? unavailable : noRoom, outcome.reason);
  }
}

/** A request whose deadline has passed without an answer in this delivery. */
export function afterExpiry(request: AsyncRequest): FinishStep {
  const ending = expired(request);
  return {
    step: 'finish',
    identity: request,
    ending,
    attempts: request.attemptsFailed,
    deadLetter: 'DEADLINE_EXCEEDED',
  };
}

/** A request that no call could answer in time any more. */
function afterUnreachable(request: AsyncRequest, { leftMs, fastestMs, isOverload }: UnreachableOutcome): FinishStep {
  const why = isOverload
    ? 'there is no room for it: more messages have lately come than can be answered in time'
    : `99 in 100 calls like it have lately taken more than ${seconds(fastestMs)}`;
  const message = `${seconds(leftMs)} are left to the deadline, and ${why}`;
  return {
    step: 'finish',
    identity: request,
    ending: { errorCode: 'DEADLINE_UNREACHABLE', message, statusCode: request.lastStatus ?? 0 },
    attempts: request.attemptsFailed,
    deadLetter: 'DEADLINE_UNREACHABLE',
  };
}

/** A request that the control document cancels. A call that was aborted for it is no attempt. */
export function afterCancel(request: AsyncRequest): FinishStep {
  const ending = { errorCode: 'CANCELLED', message: 'the request was cancelled', statusCode: 0 } as const;
  return { step: 'finish', identity: request, ending, attempts: request.attemptsFailed };
}

/** A request that the control document pauses. */
export function whilePaused(request: AsyncRequest): GiveBackStep {
  return giveBack(request, noRoom, 'paused');
}

/** A request of which it cannot be read whether it was answered. */
export function withoutStore(request: RequestName): GiveBackStep {
  return { step: 'give-back', request, status: unavailable, why: 'STORE cannot be read' };
}

/** A request that may not be sent, since the gateway wants a credential and there is none. */
export function withoutCredential(request: AsyncRequest): GiveBackStep {
  return giveBack(request, unavailable, 'no credential for the gateway');
}

/** A request whose push leaves no time for a call. */
export function withoutTime(request: AsyncRequest): GiveBackStep {
  return giveBack(request, noRoom, 'no time is left for a call');
}

/** A request whose call has ended: contract §3's second table. */
export function afterCall(attempt: EndedAttempt): NextStep {
  const { request, call, callClass } = attempt;
  switch (callClass) {
    case 'success':
    case 'final':
      return { step: 'finish', identity: request, ending: endingOf(call), attempts: request.attemptsFailed + 1 };
    case 'capacity':
      return { step: 'wait-on', pauseMs: 0 };
    case 'unreachable':
    case 'operators-error':
      return afterOutage(attempt);
    case 'aborted':
      return giveBack(request, unavailable, describeEnd(call));
    case 'failure':
      return afterFailure(attempt);
  }
}

/** How a failed request ends that is too large to be published again. */
export function unrepeatableEnding(request: AsyncRequest, call: CallEnd): RequestEnding {
  if (call.end === 'answer') return { answer: call.answer };
  const message = `${describeEnd(call)}, and the message leaves no room for the attributes of a retry`;
  return { errorCode: 'INFERENCE_ERROR', message, statusCode: request.lastStatus ?? 0 };
}

/** What a call ended with, for a log line or an error text: nothing of its body. */
export function describeEnd(call: CallEnd): string {
  switch (call.end) {
    case 'answer':
      return `the gateway answered ${call.answer.status}`;
    case 'too-large':
      return `the gateway answered ${call.status} with more than a result can hold`;
    case 'aborted':
      return 'the call was aborted';
    default:
      return call.message;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function giveBack(request: AsyncRequest, status: DeliveryStatus, why: string): GiveBackStep {
  return { step: 'give-back', request, status, why };
}

function expired(request: AsyncRequest): RequestEnding {
  return { errorCode: 'DEADLINE_EXCEEDED', message: 'the deadline has passed', statusCode: request.lastStatus ?? 0 };
}

/**
 * Each message that is given back makes Pub/Sub pause for longer: then none would be here when the outage is over. So those wait on that
 * found no gateway, and those that probe what the breaker holds up; the breaker itself says when the next probe goes out.
 */
function afterOutage({ request, call, callClass, isProbe, mayWaitMs }: EndedAttempt): NextStep {
  if (isProbe) return { step: 'wait-on', pauseMs: 0 };
  const mayTryAgain = callClass === 'unreachable' && mayWaitMs >= unreachablePauseMs;
  return mayTryAgain
    ? { step: 'wait-on', pauseMs: unreachablePauseMs }
    : giveBack(request, unavailable, describeEnd(call));
}

function afterFailure({ request, call, maxAttempts, retrySpanMs, nowMs }: EndedAttempt): NextStep {
  const attempts = request.attemptsFailed + 1;
  const hasExpired = isExpired(request.deadlineAtMs, nowMs);
  const isSpent = attempts >= maxAttempts && hasFailedFor(attemptSpanMs(request, retrySpanMs), request, nowMs);
  if (!hasExpired && !isSpent) {
    return { step: 'retry', request, call, lastStatus: statusOf(call) ?? request.lastStatus };
  }
  return {
    step: 'finish',
    identity: request,
    ending: lastEnding(request, call, hasExpired, attempts),
    attempts,
    deadLetter: isSpent ? 'ATTEMPTS_EXHAUSTED' : 'DEADLINE_EXCEEDED',
  };
}

function hasFailedFor(spanMs: number, { firstFailedAtMs }: AsyncRequest, nowMs: UnixMs): boolean {
  return msBetween(firstFailedAtMs ?? nowMs, nowMs) >= spanMs;
}

/** What a request ends with whose last call failed. */
function lastEnding(request: AsyncRequest, call: CallEnd, hasExpired: boolean, attempts: number): RequestEnding {
  if (call.end === 'answer') return { answer: call.answer };
  if (call.end === 'too-large') return tooLarge(call.status);
  if (hasExpired) return expired(request);
  const message = `${attempts} attempts failed, the last: ${describeEnd(call)}`;
  return { errorCode: 'ATTEMPTS_EXHAUSTED', message, statusCode: request.lastStatus ?? 0 };
}

function endingOf(call: CallEnd): RequestEnding {
  if (call.end === 'answer') return { answer: call.answer };
  if (call.end === 'too-large') return tooLarge(call.status);
  throw new Error(`a call that ended as ${call.end} has no answer`);
}

/** The status of a call's answer; undefined where there is none. */
export function statusOf(call: CallEnd): number | undefined {
  if (call.end === 'answer') return call.answer.status;
  return call.end === 'too-large' ? call.status : undefined;
}
