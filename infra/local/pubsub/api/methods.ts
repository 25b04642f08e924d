import type { MonotonicClock } from '../../../../shared/runtime/clock.ts';
import type { Broker } from '../broker/broker.ts';
import type { Delivery, Message, WrittenMessage } from '../broker/message.ts';
import { readMessages } from '../broker/message.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { type PageRequest, page } from '../catalog/page.ts';
import { projectName, resourceName } from '../catalog/resource-names.ts';
import { objectField, type Written } from '../catalog/settings.ts';
import { readSubscription, type Subscription, updateSubscription } from '../catalog/subscription.ts';
import { readTopic, type Topic, updateTopic } from '../catalog/topic.ts';
import { readAckId, writeAckId } from '../pull/ack-id.ts';
import { pull } from '../pull/pull.ts';
import { invalid, Refusal } from './refusal.ts';

/** How long a pull waits for a first message, unless it says returnImmediately. */
const pullWaitMs = 5000;
const longestAckDeadlineSeconds = 600;
const largestPull = 1000;

/** A message as a pull receives it. */
export interface ReceivedMessage {
  readonly ackId: string;
  readonly message: Message;
  readonly deliveryAttempt?: number;
}

/** A request with the path's name in its field, in camelCase, durations as text and data as bytes. */
export type Request = Written & { readonly updateMask?: readonly string[] };

/** The methods of google.pubsub.v1 that both faces serve. Each answers once what it did is durable. */
export type Methods = ReturnType<typeof createMethods>;

/** The methods over this catalog and broker. */
export function createMethods(catalog: Catalog, broker: Broker, clock: Pick<MonotonicClock, 'after'>) {
  const durable = async <T>(answer: T): Promise<T> => {
    await broker.committed();
    return answer;
  };
  const subscriptionOf = (request: Request) =>
    catalog.subscription(resourceName('subscriptions', request.subscription));
  const topicOf = (request: Request) => catalog.topic(resourceName('topics', request.topic));

  return {
    createTopic: (request: Request): Promise<Topic> => {
      const topic = readTopic(request);
      catalog.addTopic(topic);
      return durable(topic);
    },
    getTopic: async (request: Request): Promise<Topic> => topicOf(request),
    updateTopic: (request: Request): Promise<Topic> => {
      const patch = objectField(request, 'topic') ?? {};
      const current = catalog.topic(resourceName('topics', patch.name));
      const topic = updateTopic(current, patch, request.updateMask ?? []);
      catalog.replaceTopic(topic);
      return durable(topic);
    },
    listTopics: async (request: Request) => {
      const { names, nextPageToken } = page(catalog.topicNames(projectName(request.project)), request as PageRequest);
      return { topics: names.map((name) => catalog.topic(name)), nextPageToken };
    },
    listTopicSubscriptions: async (request: Request) => {
      const names = catalog.subscriptionsOf(topicOf(request).name).map(({ config }) => config.name);
      const shown = page(names.sort(), request as PageRequest);
      return { subscriptions: shown.names, nextPageToken: shown.nextPageToken };
    },
    deleteTopic: (request: Request) => {
      catalog.removeTopic(resourceName('topics', request.topic));
      return durable({});
    },
    publish: (request: Request) => {
      const messages = readMessages((request.messages ?? []) as WrittenMessage[]);
      return durable({ messageIds: broker.publish(resourceName('topics', request.topic), messages) });
    },

    createSubscription: (request: Request): Promise<Subscription> => {
      const subscription = readSubscription(request);
      catalog.addSubscription(subscription);
      return durable(subscription);
    },
    getSubscription: async (request: Request): Promise<Subscription> => subscriptionOf(request).config,
    updateSubscription: (request: Request): Promise<Subscription> => {
      const patch = objectField(request, 'subscription') ?? {};
      const { config } = catalog.subscription(resourceName('subscriptions', patch.name));
      const subscription = updateSubscription(config, patch, request.updateMask ?? []);
      catalog.replaceSubscription(subscription);
      return durable(subscription);
    },
    modifyPushConfig: (request: Request) => {
      const patch = { pushConfig: objectField(request, 'pushConfig') ?? {} };
      catalog.replaceSubscription(updateSubscription(subscriptionOf(request).config, patch, ['pushConfig']));
      return durable({});
    },
    listSubscriptions: async (request: Request) => {
      const all = catalog.subscriptionNames(projectName(request.project));
      const { names, nextPageToken } = page(all, request as PageRequest);
      return { subscriptions: names.map((name) => catalog.subscription(name).config), nextPageToken };
    },
    deleteSubscription: (request: Request) => {
      const { id } = catalog.removeSubscription(resourceName('subscriptions', request.subscription));
      broker.clear(id);
      return durable({});
    },

    pull: async (request: Request, signal: AbortSignal) => {
      const maxMessages = Number(request.maxMessages ?? 0);
      if (!Number.isInteger(maxMessages) || maxMessages < 1) throw invalid('max_messages must be at least 1.');
      const subscription = subscriptionOf(request);
      refusePush(subscription.config);
      const waitMs = request.returnImmediately ? 0 : pullWaitMs;
      const options = { maxMessages: Math.min(maxMessages, largestPull), waitMs, signal };
      const deliveries = await pull(broker, clock, subscription, options);
      return { receivedMessages: deliveries.map((delivery) => receivedMessage(subscription.config, delivery)) };
    },
    acknowledge: (request: Request) => {
      const subscription = subscriptionOf(request);
      for (const ackId of ackIdsOf(request).map(readAckId)) broker.ack(subscription, ackId);
      return durable({});
    },
    modifyAckDeadline: (request: Request) => {
      const leaseMs = ackDeadlineMs(request.ackDeadlineSeconds);
      const subscription = subscriptionOf(request);
      for (const ackId of ackIdsOf(request).map(readAckId)) broker.extend(subscription, ackId, leaseMs);
      return durable({});
    },
  };
}

/** A delivery as a pull receives it; the attempt is told only where there is a dead-letter policy. */
export function receivedMessage({ deadLetterPolicy }: Subscription, delivery: Delivery): ReceivedMessage {
  const attempt = deadLetterPolicy ? { deliveryAttempt: delivery.attempt } : {};
  return { ackId: writeAckId(delivery), message: delivery.message, ...attempt };
}

/** @throws {Refusal} FAILED_PRECONDITION */
export function refusePush({ name, pushConfig }: Subscription): void {
  if (!pushConfig.pushEndpoint) return;
  throw new Refusal('FAILED_PRECONDITION', `${name} is a push subscription; it cannot be pulled from.`);
}

/** 0 is a nack. @throws {Refusal} INVALID_ARGUMENT */
export function ackDeadlineMs(seconds: unknown): number {
  const value = Number(seconds ?? 0);
  if (Number.isInteger(value) && value >= 0 && value <= longestAckDeadlineSeconds) return value * 1000;
  throw invalid(`ack_deadline_seconds must be a whole number from 0 to ${longestAckDeadlineSeconds}.`);
}

function ackIdsOf(request: Request): string[] {
  const ackIds = request.ackIds;
  if (Array.isArray(ackIds) && ackIds.length > 0 && ackIds.every((id) => typeof id === 'string')) return ackIds;
  throw invalid('ack_ids must be a list of at least one ack ID.');
}
