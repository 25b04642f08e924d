import { byCodePoints, utf8Length } from '../runtime/utf8.ts';
import type { Attributes } from './message-attributes.ts';

/** A message to publish. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly data: Uint8Array;
  readonly attributes: Attributes;
}

/** Source: https://cloud.google.com/pubsub/quotas#resource_limits */
export const maxMessageBytes = 10_000_000;
/** Source: as above. */
const maxAttributes = 100;
/** Of an attribute's key. Source: as above. */
const maxKeyBytes = 256;
/** Of an attribute's value. Source: as above. */
const maxValueBytes = 1024;

/** Bytes of a message as Pub/Sub counts them: its data, and its attributes in UTF-8. */
export function messageBytes(data: Uint8Array, attributes: Attributes): number {
  return Object.entries(attributes).reduce(
    (sum, [key, value]) => sum + utf8Length(key) + utf8Length(value),
    data.length,
  );
}

/** Whether Pub/Sub takes this attribute. */
export function fitsAttribute(key: string, value: string): boolean {
  const keyBytes = utf8Length(key);
  return keyBytes > 0 && keyBytes <= maxKeyBytes && utf8Length(value) <= maxValueBytes && !key.startsWith('goog');
}

/**
 * `own`, and of the others, in code-point order, those that Pub/Sub takes beside them. An own one that Pub/Sub would refuse is left out.
 * JSON can write half of a surrogate pair, which no UTF-8 holds: U+FFFD stands for it.
 */
export function withinLimits(own: Attributes, others: Attributes): Attributes {
  const kept = wellFormed(own).filter(([key, value]) => value !== '' && fitsAttribute(key, value));
  const fitting = wellFormed(others)
    .filter(([key, value]) => fitsAttribute(key, value))
    .sort(([a], [b]) => byCodePoints(a, b));
  return Object.fromEntries([...kept, ...fitting.slice(0, Math.max(0, maxAttributes - kept.length))]);
}

function wellFormed(attributes: Attributes): [key: string, value: string][] {
  const written = Object.entries(attributes).map(([key, value]) => [key.toWellFormed(), value.toWellFormed()]);
  return Object.entries(Object.fromEntries(written));
}
