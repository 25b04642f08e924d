import type { UnixMs } from '../../../shared/runtime/clock.ts';
import { hasMoreEntries } from '../../../shared/runtime/json-entries.ts';
import { isNull, isObject, isString, objectMembers, parseSpan, type Span } from '../../../shared/runtime/json-spans.ts';
import { isUtf8 } from '../../../shared/runtime/utf8.ts';

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
/** Protocol: RFC 8259. */
const backslash = 0x5c;
const envelopeNames = ['message', 'subscription'];
const messageNames = ['data', 'messageId', 'message_id', 'publishTime', 'publish_time', 'attributes'];
/** Pub/Sub knows a hundred. Derived: ten times Pub/Sub's limit. */
const mostAttributes = 1000;

/**
 * Reads Pub/Sub's wrapped push body, in camel and snake spelling.
 * Source: https://cloud.google.com/pubsub/docs/push#properties_of_a_push_subscription
 */
export function decodePush(body: Uint8Array): DecodedPush {
  if (body.length === 0) return { notAPush: 'the body is empty' };
  if (!isUtf8(body)) return { notAPush: 'the body is not UTF-8' };
  const envelope = objectMembers(body, 0, body.length, envelopeNames);
  if (!envelope) return { notAPush: 'the body is not a JSON object' };
  const span = envelope.get('message');
  if (!span || !isObject(body, span)) return { notAPush: 'the body has no message object' };
  const message = objectMembers(body, span.start, span.end, messageNames) ?? new Map<string, Span>();
  const found = (...names: string[]): Span | undefined => names.map((name) => message.get(name)).find(Boolean);
  // Only texts are parsed: any other value may be large, and means nothing here.
  const text = (member: Span | undefined): unknown =>
    member && isString(body, member) ? parseSpan(body, member) : undefined;
  const attributes = message.get('attributes');
  const isHeavy = attributes && hasMoreEntries(body.subarray(attributes.start, attributes.end), mostAttributes);
  if (isHeavy) return { notAPush: `the message has more than ${mostAttributes} attributes` };
  const written = message.get('data');
  const data = written && !isNull(body, written) ? dataOf(body, written) : noBytes;
  return {
    message: {
      subscription: asText(text(envelope.get('subscription'))),
      messageId: asText(text(found('messageId', 'message_id'))),
      publishedAtMs: parseInstant(text(found('publishTime', 'publish_time'))),
      attributes: textEntries(attributes && parseSpan(body, attributes)),
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

/** The bytes that stand there in base64; undefined where none do. A text without escapes, as Pub/Sub writes it, is not parsed. */
function dataOf(body: Uint8Array, span: Span): Uint8Array | undefined {
  if (!isString(body, span)) return undefined;
  const written = Buffer.from(body.buffer, body.byteOffset + span.start + 1, span.end - span.start - 2);
  return decodeBase64(written.includes(backslash) ? String(parseSpan(body, span)) : written.toString('latin1'));
}

/** Node's decoder leaves out what is no base64, and takes a text that ends early: then there are fewer bytes. The other alphabet it reads as well. */
function decodeBase64(text: string): Uint8Array | undefined {
  const padding = text.endsWith('==') ? 2 : Number(text.endsWith('='));
  const data = Buffer.from(text, 'base64');
  const isWhole = data.length === (text.length / 4) * 3 - padding;
  return isWhole && !text.includes('-') && !text.includes('_') ? data : undefined;
}

function textEntries(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, item]) => typeof item === 'string'));
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
