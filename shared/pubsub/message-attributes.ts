import type { UnixMs } from '../runtime/clock.ts';

/** Attributes of a message, by name. */
export type Attributes = Readonly<Record<string, string>>;

/** How many attempts have failed. A producer that sets it harms only itself. */
const attemptName = 'attempt';
/** The rest of the state of a message's retries, which lets its sender set deadline, settings and identity. Protocol: contract §1. */
const retryNames = [
  'retry_at',
  'published_at',
  'first_failed_at',
  'first_message_id',
  'last_status',
  'origin_subscription',
  'resolved_id',
  'resolved_deadline',
];
/** What a dead letter says of its end. Protocol: contract §1. */
const deadLetterNames = ['failure_reason', 'error_code', 'original_message_id', 'attempts', 'data_omitted'];
const reserved: ReadonlySet<string> = new Set([attemptName, ...retryNames, ...deadLetterNames]);
const known: ReadonlySet<string> = new Set([
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

/** Whether an attribute is the producer's own metadata, and none of the names that this project reads. */
export function isMetadata(name: string): boolean {
  return !known.has(name);
}

/**
 * The attributes that are believed of a message. What a dead letter says of its end is history when it is sent again, and the state of
 * retries is a producer's invention unless the message comes as a retry.
 * @param isRetry the message comes through a retry topic's subscription
 */
export function believedAttributes(attributes: Attributes, isRetry: boolean): Attributes {
  const unbelieved = new Set(isRetry ? deadLetterNames : [...deadLetterNames, ...retryNames]);
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !unbelieved.has(name)));
}

/** The sender's own attributes: none of those that tell of retries or of an end. */
export function sendersAttributes(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !reserved.has(name)));
}

/** The first of the names that a message has, as attribute or else in its metadata; empty when it has none. */
export function tenantOf(names: readonly string[], attributes: Attributes, metadata: Attributes): string {
  return names.map((name) => attributes[name] || metadata[name]).find((tenant) => tenant) ?? '';
}

/** The trace that a message continues; both parts of one place, since a `tracestate` belongs to its `traceparent`. */
export function traceOf(
  attributes: Attributes,
  metadata: Attributes,
): { readonly traceparent: string; readonly tracestate: string } {
  const { traceparent = '', tracestate = '' } = attributes.traceparent ? attributes : metadata;
  return { traceparent, tracestate };
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

/** The id that the first delivery gave the request; undefined for a first delivery. */
export function resolvedId({ resolved_id }: Attributes): string | undefined {
  return resolved_id || undefined;
}

/** The deadline that the first delivery gave the request; undefined for a first delivery. */
export function resolvedDeadlineAtMs({ resolved_deadline = '' }: Attributes): UnixMs | undefined {
  return isDecimal(resolved_deadline) ? ((Number(resolved_deadline) * 1000) as UnixMs) : undefined;
}

/** What the attributes say of earlier attempts; whatever is malformed counts as absent. */
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
