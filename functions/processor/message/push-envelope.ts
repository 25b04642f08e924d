import type { UnixMs } from '../../../shared/runtime/clock.ts';
import { isObject, objectMembers, parseSpan, type Span } from '../../../shared/runtime/json-spans.ts';
import { decodeUtf8 } from '../../../shared/runtime/utf8.ts';

/** A message as Pub/Sub pushed it. */
export interface PushedMessage {
  /** Full name or id, empty when the body does not say. */
  readonly subscription: string;
  /** Empty when the body does not say. */
  readonly messageId: string;
  readonly publishedAtMs: UnixMs | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  /** Empty when there was no data, or none that could be decoded. */
  readonly data: Uint8Array;
  /** What is wrong with the message itself: it can never succeed. */
  readonly fault: string | undefined;
}

/** A body that is a push, or why it is none. */
export type DecodedPush = { readonly message: PushedMessage } | { readonly notAPush: string };

const noBytes = new Uint8Array(0);

/**
 * Reads Pub/Sub's wrapped push body, in camel and snake spelling.
 * Source: https://cloud.google.com/pubsub/docs/push#properties_of_a_push_subscription
 */
export function decodePush(body: Uint8Array): DecodedPush {
  if (body.length === 0) return { notAPush: 'the body is empty' };
  if (decodeUtf8(body) === undefined) return { notAPush: 'the body is not UTF-8' };
  const envelope = objectMembers(body);
  if (!envelope) return { notAPush: 'the body is not a JSON object' };
  const span = envelope.get('message');
  if (!span || !isObject(body, span)) return { notAPush: 'the body has no message object' };
  const message = objectMembers(body, span.start, span.end) ?? new Map<string, Span>();
  const read = (...names: string[]): unknown => {
    const found = names.map((name) => message.get(name)).find((member) => member !== undefined);
    return found && parseSpan(body, found);
  };
  const subscription = envelope.get('subscription');
  const data = decodeBase64(read('data'));
  return {
    message: {
      subscription: asText(subscription && parseSpan(body, subscription)),
      messageId: asText(read('messageId', 'message_id')),
      publishedAtMs: parseInstant(read('publishTime', 'publish_time')),
      attributes: textEntries(read('attributes')),
      data: data ?? noBytes,
      fault: data ? undefined : 'data is not base64',
    },
  };
}

/** The instant of an RFC 3339 time; undefined for anything else. */
export function parseInstant(value: unknown): UnixMs | undefined {
  const atMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : (atMs as UnixMs);
}

function decodeBase64(value: unknown): Uint8Array | undefined {
  if (value === undefined || value === null) return noBytes;
  if (typeof value !== 'string' || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined;
  return Buffer.from(value, 'base64');
}

function textEntries(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, item]) => typeof item === 'string'));
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
