import type { UnixMs } from '../../../shared/runtime/clock.ts';
import type { CallClass, CallEnd } from '../call/answer.ts';
import { isExpired } from '../message/deadline.ts';
import type { AsyncRequest } from '../message/request.ts';
import { type Ending, type ErrorCode, tooLarge } from './result.ts';

/** What to do about a call that ended. */
export type Step =
  | { readonly step: 'finish'; readonly ending: Ending; readonly attempts: number; readonly deadLetter?: ErrorCode }
  | { readonly step: 'retry'; readonly lastStatus: number | undefined }
  | { readonly step: 'wait-on' }
  /** Nobody's attempt: Pub/Sub brings the message again. */
  | { readonly step: 'give-back'; readonly why: string };

export interface CallOutcome {
  readonly request: AsyncRequest;
  readonly call: CallEnd;
  readonly classified: CallClass;
  /** The path's breaker was open when the call began, or is when it ended. */
  readonly outage: boolean;
  readonly maxAttempts: number;
  readonly nowMs: UnixMs;
}

export function nextStep(outcome: CallOutcome): Step {
  const { request, call, classified } = outcome;
  const attempts = request.attemptsFailed + 1;
  switch (classified) {
    case 'success':
    case 'final':
      return { step: 'finish', ending: endingOf(call), attempts };
    case 'capacity':
      return { step: 'wait-on' };
    case 'unreachable':
    case 'operators-error':
    case 'aborted':
      return { step: 'give-back', why: describe(call) };
    case 'failure':
      return outcome.outage ? { step: 'give-back', why: describe(call) } : afterFailure(outcome, attempts);
  }
}

/** How a failed request ends that is too large to be published again. */
export function unrepeatableEnding(request: AsyncRequest, call: CallEnd): Ending {
  if (call.end === 'answer') return { answer: call.answer };
  const message = `${describe(call)}, and the message leaves no room for the attributes of a retry`;
  return { errorCode: 'INFERENCE_ERROR', message, statusCode: request.lastStatus ?? 0 };
}

/** How a request ends when its deadline passes without an answer in this delivery. */
export function expiredEnding(request: AsyncRequest): Ending {
  return { errorCode: 'DEADLINE_EXCEEDED', message: 'the deadline has passed', statusCode: request.lastStatus ?? 0 };
}

function afterFailure({ request, call, maxAttempts, nowMs }: CallOutcome, attempts: number): Step {
  const expired = isExpired(request.deadlineAtMs, nowMs);
  const isSpent = attempts >= maxAttempts;
  if (!expired && !isSpent) return { step: 'retry', lastStatus: statusOf(call) ?? request.lastStatus };
  return {
    step: 'finish',
    ending: lastEnding(request, call, expired, attempts),
    attempts,
    deadLetter: isSpent ? 'ATTEMPTS_EXHAUSTED' : 'DEADLINE_EXCEEDED',
  };
}

/** What a request ends with whose last call failed. */
function lastEnding(request: AsyncRequest, call: CallEnd, expired: boolean, attempts: number): Ending {
  if (call.end === 'answer') return { answer: call.answer };
  if (call.end === 'too-large') return tooLarge(call.status);
  if (expired) return expiredEnding(request);
  const message = `${attempts} attempts failed, the last: ${describe(call)}`;
  return { errorCode: 'ATTEMPTS_EXHAUSTED', message, statusCode: request.lastStatus ?? 0 };
}

function endingOf(call: CallEnd): Ending {
  if (call.end === 'answer') return { answer: call.answer };
  if (call.end === 'too-large') return tooLarge(call.status);
  throw new Error(`a call that ended as ${call.end} has no answer`);
}

function statusOf(call: CallEnd): number | undefined {
  if (call.end === 'answer') return call.answer.status;
  return call.end === 'too-large' ? call.status : undefined;
}

export function describe(call: CallEnd): string {
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
