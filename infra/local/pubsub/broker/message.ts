import type { UnixMs } from '../../../../shared/runtime/clock.ts';
import { invalid } from '../api/refusal.ts';

/** A message as it is published. */
export interface NewMessage {
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A message that was published. */
export interface Message extends NewMessage {
  /** Decimal digits; they grow with the time of publishing. */
  readonly messageId: string;
  readonly publishTimeMs: UnixMs;
}

/** One handing-over of a message to one subscriber. */
export interface Delivery {
  readonly deliveryId: number;
  /** How many times it was handed over, this one counted: 1 at first. */
  readonly attempt: number;
  readonly message: Message;
  readonly sizeBytes: number;
}

/** Source: https://cloud.google.com/pubsub/quotas#resource_limits */
export const messageLimits = {
  requestBytes: 10 * 1024 * 1024,
  messagesPerRequest: 1000,
  attributes: 100,
  attributeKeyBytes: 256,
  attributeValueBytes: 1024,
} as const;

/** A message as either face of the server reads it. */
export interface WrittenMessage {
  readonly data?: Uint8Array;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly orderingKey?: string;
}

/** @throws {Refusal} INVALID_ARGUMENT for what Pub/Sub refuses, and for ordering keys. */
export function readMessages(written: readonly WrittenMessage[]): NewMessage[] {
  const limits = messageLimits;
  if (written.length === 0) throw invalid('The request contains no messages.');
  if (written.length > limits.messagesPerRequest) {
    throw invalid(`The request contains ${written.length} messages; the limit is ${limits.messagesPerRequest}.`);
  }
  const messages = written.map(readMessage);
  const requestBytes = messages.reduce((sum, message) => sum + sizeBytes(message), 0);
  if (requestBytes <= limits.requestBytes) return messages;
  throw invalid(`Request payload size exceeds the limit: ${limits.requestBytes} bytes.`);
}

/** Data and attributes, as the limits and flow control count them. */
export function sizeBytes({ data, attributes }: NewMessage): number {
  return Object.entries(attributes).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    data.byteLength,
  );
}

function readMessage({ data = new Uint8Array(), attributes = {}, orderingKey }: WrittenMessage): NewMessage {
  if (orderingKey) {
    throw invalid('The message has an ordering key, and this server does not order: publish without orderingKey.');
  }
  const entries = Object.entries(attributes);
  if (data.byteLength === 0 && entries.length === 0) {
    throw invalid('Some messages are empty: a message needs data or at least one attribute.');
  }
  if (entries.length > messageLimits.attributes) {
    throw invalid(`A message has ${entries.length} attributes; the limit is ${messageLimits.attributes}.`);
  }
  for (const [key, value] of entries) checkAttribute(key, value);
  return { data, attributes };
}

function checkAttribute(key: string, value: unknown): void {
  const shown = JSON.stringify(key.slice(0, 64));
  if (typeof value !== 'string') throw invalid(`The value of attribute ${shown} is not a string.`);
  if (!key.isWellFormed() || !value.isWellFormed()) throw invalid(`The attribute ${shown} is not UTF-8.`);
  if (key === '') throw invalid('An attribute key is empty.');
  if (key.startsWith('goog')) throw invalid(`The attribute key ${shown} begins with goog, which is reserved.`);
  if (Buffer.byteLength(key) > messageLimits.attributeKeyBytes) {
    throw invalid(`The attribute key ${shown}… is longer than ${messageLimits.attributeKeyBytes} bytes.`);
  }
  if (Buffer.byteLength(value) > messageLimits.attributeValueBytes) {
    throw invalid(`The value of attribute ${shown} is longer than ${messageLimits.attributeValueBytes} bytes.`);
  }
}
