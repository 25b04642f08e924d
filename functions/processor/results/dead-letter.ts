import { type Attributes, isMetadata, sendersAttributes } from '../../../shared/pubsub/message-attributes.ts';
import {
  maxMessageBytes,
  messageBytes,
  type OutgoingMessage,
  withinLimits,
} from '../../../shared/pubsub/outgoing-message.ts';
import { truncateUtf8 } from '../../../shared/runtime/utf8.ts';
import type { ErrorCode } from './result.ts';

/** What a dead letter is made from. */
export interface DeadLetter {
  readonly topic: string;
  /** As it was pushed. */
  readonly data: Uint8Array;
  readonly attributes: Attributes;
  readonly originalMessageId: string;
  readonly errorCode: ErrorCode;
  readonly reason: string;
  readonly attempts: number;
}

/**
 * The original message with its sender's own attributes, fit to be sent again as new, and the reason why it is here. Where Pub/Sub would not take it, metadata attributes are
 * left out first (the last in code-point order before the others), then the data.
 */
export function deadLetterMessage(letter: DeadLetter): OutgoingMessage {
  const kept = sendersAttributes(letter.attributes);
  const own = {
    ...select(kept, (name) => !isMetadata(name)),
    failure_reason: truncateUtf8(letter.reason, 1024),
    error_code: letter.errorCode,
    original_message_id: letter.originalMessageId,
    attempts: String(letter.attempts),
  };
  const metadata = select(kept, isMetadata);
  let attributes = withinLimits(own, metadata);
  for (const name of Object.keys(attributes)
    .filter((key) => !(key in own))
    .reverse()) {
    if (messageBytes(letter.data, attributes) <= maxMessageBytes) break;
    attributes = select(attributes, (key) => key !== name);
  }
  const whole = messageBytes(letter.data, attributes) <= maxMessageBytes;
  return whole
    ? { topic: letter.topic, data: letter.data, attributes }
    : { topic: letter.topic, data: new Uint8Array(0), attributes: { ...attributes, data_omitted: 'true' } };
}

function select(attributes: Attributes, wanted: (name: string) => boolean): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => wanted(name)));
}
