import {
  type Attributes,
  isMetadata,
  sendersAttributes,
  unixSeconds,
} from '../../../shared/pubsub/message-attributes.ts';
import {
  maxMessageBytes,
  messageBytes,
  type OutgoingMessage,
  withinLimits,
} from '../../../shared/pubsub/outgoing-message.ts';
import type { AsyncRequest, RequestName } from '../../../shared/pubsub/request.ts';
import { later, msBetween, type UnixMs } from '../../../shared/runtime/clock.ts';

/** What a retry's time depends on. */
export interface RetryTiming {
  /** Failed so far, this attempt included; at least 1. */
  readonly attemptsFailed: number;
  readonly retryAfterMs: number;
  readonly deadlineAtMs: UnixMs;
  readonly nowMs: UnixMs;
  /** At least 0 and below 1, at random. */
  readonly fraction: number;
}

/**
 * When to try again: now + min(max(Retry-After, b), half of the time left), with b uniform in [t/2, t) and t = min(60, 2·2ⁿ) s after n
 * failed attempts. Protocol: contract §1, "Retries".
 */
export function retryAtMs({ attemptsFailed, retryAfterMs, deadlineAtMs, nowMs, fraction }: RetryTiming): UnixMs {
  const longestMs = Math.min(60_000, 2000 * 2 ** attemptsFailed);
  const backoffMs = (longestMs / 2) * (1 + fraction);
  return later(nowMs, Math.min(Math.max(retryAfterMs, backoffMs), msBetween(nowMs, deadlineAtMs) / 2));
}

/**
 * How long ago a request's first failure must be before its attempts can be used up, in milliseconds: `spanMs`, or a quarter of the time
 * that the request has from first publish to deadline. Protocol: contract §1, "Retries".
 */
export function attemptSpanMs(
  { firstPublishedAtMs, deadlineAtMs }: Pick<AsyncRequest, 'firstPublishedAtMs' | 'deadlineAtMs'>,
  spanMs: number,
): number {
  return Math.min(spanMs, msBetween(firstPublishedAtMs, deadlineAtMs) / 4);
}

/** What is told of a retry. */
export interface RetrySummary {
  readonly event: 'retried';
  readonly request: RequestName;
  /** Failed so far, this attempt included. */
  readonly attempts: number;
  readonly why: string;
  readonly retryAtMs: UnixMs;
}

/** What a retry's message is made from. */
export interface RetryParts {
  readonly topic: string;
  readonly request: AsyncRequest;
  /** Id of the subscription that brought the first delivery: its settings are the retry's. */
  readonly origin: string;
  /** As it was pushed. */
  readonly data: Uint8Array;
  readonly attributes: Attributes;
  readonly retryAtMs: UnixMs;
  /** When the request's first attempt failed: this one, or one of an earlier delivery. */
  readonly firstFailedAtMs: UnixMs;
  /** Status of the last complete answer to any delivery. */
  readonly lastStatus: number | undefined;
}

/** The original message with the state of its retries; undefined when Pub/Sub would not take it with those attributes. */
export function retryMessage({
  topic,
  request,
  origin,
  data,
  attributes,
  retryAtMs,
  firstFailedAtMs,
  lastStatus,
}: RetryParts): OutgoingMessage | undefined {
  const own = Object.entries(sendersAttributes(attributes));
  const meaningful = own.filter(([name]) => !isMetadata(name));
  const metadata = own.filter(([name]) => isMetadata(name));
  const marked = withinLimits(
    {
      ...Object.fromEntries(meaningful),
      attempt: String(request.attemptsFailed + 1),
      retry_at: unixSeconds(retryAtMs),
      published_at: new Date(request.firstPublishedAtMs).toISOString(),
      first_failed_at: new Date(firstFailedAtMs).toISOString(),
      first_message_id: request.firstMessageId,
      last_status: lastStatus === undefined ? '' : String(lastStatus),
      origin_subscription: origin,
      resolved_id: request.id,
      resolved_deadline: unixSeconds(request.deadlineAtMs),
    },
    Object.fromEntries(metadata),
  );
  return messageBytes(data, marked) > maxMessageBytes ? undefined : { topic, data, attributes: marked };
}
