import type { Message } from '../broker/message.ts';

/** Any other answer, and none at all, is a nack. Source: https://cloud.google.com/pubsub/docs/push#receive_push */
const acknowledging: readonly number[] = [102, 200, 201, 202, 204];

/** Whether this status of an answer acknowledges the message; undefined is no answer. */
export function acknowledges(status: number | undefined): boolean {
  return status !== undefined && acknowledging.includes(status);
}

/**
 * The wrapped body of a push, with ids and times in both spellings.
 * `deliveryAttempt` is given for subscriptions with a dead-letter policy alone.
 */
export function pushBody(subscription: string, message: Message, deliveryAttempt: number | undefined): string {
  const publishTime = new Date(message.publishTimeMs).toISOString();
  const { messageId, attributes } = message;
  return JSON.stringify({
    message: {
      ...(Object.keys(attributes).length > 0 ? { attributes } : {}),
      ...(message.data.byteLength > 0 ? { data: base64(message.data) } : {}),
      messageId,
      message_id: messageId,
      publishTime,
      publish_time: publishTime,
    },
    subscription,
    ...(deliveryAttempt === undefined ? {} : { deliveryAttempt }),
  });
}

/** Bytes as a JSON body holds them. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
