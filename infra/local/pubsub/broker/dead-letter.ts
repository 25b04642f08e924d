import { nameParts } from '../catalog/resource-names.ts';
import type { Message, NewMessage } from './message.ts';

/**
 * The message as its dead-letter topic gets it.
 * Source: https://cloud.google.com/pubsub/docs/handling-failures#track_dead-lettered_messages
 */
export function deadLetter(message: Message, subscription: string, deliveryCount: number): NewMessage {
  const { project, id } = nameParts(subscription);
  return {
    data: message.data,
    attributes: {
      ...message.attributes,
      CloudPubSubDeadLetterSourceDeliveryCount: String(deliveryCount),
      CloudPubSubDeadLetterSourceSubscription: id,
      CloudPubSubDeadLetterSourceSubscriptionProject: project,
      CloudPubSubDeadLetterSourceTopicPublishTime: new Date(message.publishTimeMs).toISOString().replace('Z', '+00:00'),
    },
  };
}
