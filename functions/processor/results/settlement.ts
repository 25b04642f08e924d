import type { OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import { nameOf, type RequestName } from '../../../shared/pubsub/request.ts';
import { msBetween, type UnixMs } from '../../../shared/runtime/clock.ts';
import { retryAfterMs } from '../call/answer.ts';
import type { MadeCall } from '../call/request-call.ts';
import type { PushedMessage } from '../message/push-envelope.ts';
import type { SubscriptionPolicy } from '../subscription-policies.ts';
import { deadLetterMessage } from './dead-letter.ts';
import { describeEnd, type FinishStep, type RetryStep, unrepeatableEnding } from './outcome.ts';
import { encodeResult, type ResultSummary } from './result.ts';
import { type RetrySummary, retryAtMs, retryMessage } from './retry.ts';
import type { ResultPlaces, StoredPart } from './stored-parts.ts';

/** A result that the message has had already is published again. */
export interface ReplaySummary {
  readonly event: 'replayed';
  readonly request: RequestName;
}

/** What is due before a delivery may be acked, as plain values: it may be kept until the message comes again. */
export interface Settlement {
  /** To be stored before anything is published. */
  readonly stored: readonly StoredPart[];
  /** To be published in this order. */
  readonly messages: readonly OutgoingMessage[];
  /** What is told once all of them are confirmed. */
  readonly told: ResultSummary | RetrySummary | ReplaySummary;
}

/** What a settlement is made from, beside the step that ends the delivery. */
export interface SettledPush {
  readonly message: Pick<PushedMessage, 'data' | 'attributes'>;
  readonly policy: Pick<SubscriptionPolicy, 'resultTopic' | 'retryTopic' | 'deadLetterTopic'>;
  /** Id of the subscription that brought the message's first delivery. */
  readonly origin: string;
  readonly deadLetterExpired: boolean;
  /** The last call of this delivery; undefined where it made none. */
  readonly lastCall: MadeCall | undefined;
  /** Undefined where there is no store. */
  readonly places?: ResultPlaces | undefined;
}

/**
 * What is due for a delivery that ends so: a retry, or a result with the dead letter before it.
 * @param fraction at least 0 and below 1, at random
 */
export function settle(last: FinishStep | RetryStep, push: SettledPush, nowMs: UnixMs, fraction: number): Settlement {
  return last.step === 'finish' ? finish(last, push, nowMs) : retry(last, push, nowMs, fraction);
}

/** The dead letter, where one is due, goes before the result: once that is out, Pub/Sub does not bring the message again. */
function finish(last: FinishStep, push: SettledPush, nowMs: UnixMs): Settlement {
  const { identity, ending, attempts } = last;
  const call = push.lastCall;
  const result = {
    identity,
    ending,
    attempts,
    queuedMs: Math.max(0, msBetween(identity.firstPublishedAtMs, call?.sentAtMs ?? nowMs)),
    inferenceMs: call ? msBetween(call.startedAtMs, call.endedAtMs) : 0,
    traceparent: call?.traceparent ?? identity.traceparent,
    requestId: call?.requestId ?? '',
  };
  const { message, stored, summary } = encodeResult(push.policy.resultTopic, result, push.places);
  const replay = push.places?.replayOf(identity.firstMessageId, message);
  return {
    stored: replay ? [...stored, replay] : stored,
    messages: [...deadLetters(last, push), message],
    told: summary,
  };
}

function deadLetters({ identity, ending, attempts, deadLetter }: FinishStep, push: SettledPush): OutgoingMessage[] {
  const topic = push.policy.deadLetterTopic;
  const isLate = deadLetter === 'DEADLINE_EXCEEDED' || deadLetter === 'DEADLINE_UNREACHABLE';
  const isDue = deadLetter !== undefined && (!isLate || push.deadLetterExpired);
  if (topic === undefined || !isDue) return [];
  const { data, attributes } = push.message;
  const reason =
    'answer' in ending ? `${attempts} attempts failed, the last with ${ending.answer.status}` : ending.message;
  const originalMessageId = identity.firstMessageId;
  return [deadLetterMessage({ topic, data, attributes, originalMessageId, errorCode: deadLetter, reason, attempts })];
}

/** A message that Pub/Sub would not take with the attributes of a retry ends with what it has. */
function retry(
  { request, call, lastStatus }: RetryStep,
  push: SettledPush,
  nowMs: UnixMs,
  fraction: number,
): Settlement {
  const attempts = request.attemptsFailed + 1;
  const atMs = retryAtMs({
    attemptsFailed: attempts,
    retryAfterMs: retryAfterMs(call, nowMs),
    deadlineAtMs: request.deadlineAtMs,
    nowMs,
    fraction,
  });
  const { data, attributes } = push.message;
  const topic = push.policy.retryTopic;
  const message = retryMessage({
    topic,
    request,
    origin: push.origin,
    data,
    attributes,
    retryAtMs: atMs,
    firstFailedAtMs: request.firstFailedAtMs ?? nowMs,
    lastStatus,
  });
  if (!message) {
    return finish(
      { step: 'finish', identity: request, ending: unrepeatableEnding(request, call), attempts },
      push,
      nowMs,
    );
  }
  const told = {
    event: 'retried',
    request: { ...nameOf(request), traceparent: push.lastCall?.traceparent ?? request.traceparent },
    attempts,
    why: describeEnd(call),
    retryAtMs: atMs,
  } as const;
  return { stored: [], messages: [message], told };
}
