import type { UnixMs } from '../runtime/clock.ts';

export type Attributes = Readonly<Record<string, string>>;

/** Attributes that hold the state of a message's retries; producers leave them alone. */
const reserved = ['attempt', 'retry_at', 'published_at', 'first_failed_at', 'first_message_id', 'last_status'];
const known = new Set([
  ...reserved,
  'id',
  'deadline',
  'window',
  'endpoint',
  'tenant',
  'job',
  'traceparent',
  'tracestate',
]);

/** Every attribute that means nothing to us is the producer's metadata. */
export function metadataAttributes(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => isMetadata(name)));
}

export function isMetadata(name: string): boolean {
  return !known.has(name);
}

/** What earlier deliveries of a request left for this one. */
export interface RetryState {
  readonly attemptsFailed: number;
  readonly retryAtMs: UnixMs | undefined;
  readonly firstPublishedAtMs: UnixMs;
  /** Undefined where no attempt has failed yet, or none that says when. */
  readonly firstFailedAtMs: UnixMs | undefined;
  readonly firstMessageId: string;
  /** Status of the last complete answer to an earlier delivery. */
  readonly lastStatus: number | undefined;
}

export function readRetryState(attributes: Attributes, messageId: string, publishedAtMs: UnixMs): RetryState {
  const retryAt = attributes.retry_at ?? '';
  const lastStatus = attributes.last_status ?? '';
  return {
    attemptsFailed: wholeNumber(attributes.attempt ?? '') ?? 0,
    retryAtMs: isDecimal(retryAt) ? ((Number(retryAt) * 1000) as UnixMs) : undefined,
    firstPublishedAtMs: instantOf(attributes.published_at) ?? publishedAtMs,
    firstFailedAtMs: instantOf(attributes.first_failed_at),
    firstMessageId: attributes.first_message_id || messageId,
    lastStatus: /^[1-5]\d\d$/.test(lastStatus) ? Number(lastStatus) : undefined,
  };
}

/** Digits, and perhaps a fraction. */
export function isDecimal(text: string): boolean {
  return /^\d{1,15}(\.\d+)?$/.test(text);
}

/** Unix seconds as `deadline` and `retry_at` are written. */
export function unixSeconds(atMs: UnixMs): string {
  return String(Math.round(atMs) / 1000);
}

function instantOf(written = ''): UnixMs | undefined {
  const atMs = Date.parse(written);
  return Number.isNaN(atMs) ? undefined : (atMs as UnixMs);
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}
