import { Backlog } from '../../../../infra/local/pubsub/broker/backlog.ts';
import { Broker, type Knobs } from '../../../../infra/local/pubsub/broker/broker.ts';
import { Database } from '../../../../infra/local/pubsub/broker/database.ts';
import { Catalog } from '../../../../infra/local/pubsub/catalog/catalog.ts';
import type { Written } from '../../../../infra/local/pubsub/catalog/settings.ts';
import { readSubscription } from '../../../../infra/local/pubsub/catalog/subscription.ts';
import { readTopic } from '../../../../infra/local/pubsub/catalog/topic.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

export const topicName = 'projects/p/topics/topic';
export const deadTopicName = 'projects/p/topics/dead';
export const subscriptionName = 'projects/p/subscriptions/sub';
export const deadSubscriptionName = 'projects/p/subscriptions/dead-sub';

export interface WorldOptions {
  readonly subscription?: Written;
  readonly knobs?: Partial<Knobs>;
  readonly maxBacklogBytes?: number;
}

/** A broker in memory on a clock wound by hand, with one subscription and a dead-letter topic with another. */
export function createWorld({ subscription = {}, knobs = {}, maxBacklogBytes = 1_000_000 }: WorldOptions = {}) {
  const clock = createManualClock();
  const database = new Database(undefined, clock);
  const catalog = new Catalog(database);
  const backlog = new Backlog(database);
  const everyKnob = { duplicateRate: 0, delayMs: 0, random: () => 0.5, ...knobs };
  const broker = new Broker(database, backlog, catalog, clock, everyKnob, maxBacklogBytes);
  for (const name of [topicName, deadTopicName]) catalog.addTopic(readTopic({ name }));
  catalog.addSubscription(readSubscription({ name: subscriptionName, topic: topicName, ...subscription }));
  catalog.addSubscription(readSubscription({ name: deadSubscriptionName, topic: deadTopicName }));
  const entry = () => catalog.subscription(subscriptionName);
  const leaseFrom = (name: string, maxMessages = 100, maxBytes = 1_000_000) =>
    broker.lease(catalog.subscription(name), { maxMessages, maxBytes, leaseMs: 10_000 });
  return {
    clock,
    database,
    catalog,
    backlog,
    broker,
    entry,
    leaseFrom,
    lease: (maxMessages?: number, maxBytes?: number) => leaseFrom(subscriptionName, maxMessages, maxBytes),
    publish: (...texts: string[]) =>
      broker.publish(
        topicName,
        texts.map((text) => ({ data: Buffer.from(text), attributes: {} })),
      ),
  };
}

export function textOf({ message }: { readonly message: { readonly data: Uint8Array } }): string {
  return Buffer.from(message.data).toString();
}
