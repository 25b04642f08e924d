import { type Message, PubSub, type Topic } from '@google-cloud/pubsub';
import type { RunningProcess } from './processes.ts';

const project = 'test';

/** The official client against a local Pub/Sub, with the few calls that scenarios make. */
export function connectPubSub(server: RunningProcess) {
  const host = new URL(server.url).host;
  // The client turns to an emulator by this variable alone.
  process.env.PUBSUB_EMULATOR_HOST = host;
  const client = new PubSub({ projectId: project });
  return {
    client,
    environment: { PUBSUB_EMULATOR_HOST: host, GOOGLE_CLOUD_PROJECT: project },
    async createTopic(name: string): Promise<Topic> {
      const [topic] = await client.createTopic(name);
      return topic;
    },
    async pushFrom(topic: string, subscription: string, endpoint: string): Promise<void> {
      await client.topic(topic).createSubscription(subscription, {
        pushConfig: { pushEndpoint: endpoint },
        ackDeadlineSeconds: 600,
        retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 10 } },
      });
    },
    /** Every message of the topic from now on, acked when `take` has seen it. */
    async collect(topic: string, take: (message: Message) => void): Promise<void> {
      const [subscription] = await client.topic(topic).createSubscription(`${topic}-collected`);
      subscription.setOptions({ flowControl: { maxMessages: 5000 } });
      subscription.on('message', (message: Message) => {
        take(message);
        message.ack();
      });
      // A killed server shows here; the client connects again by itself.
      subscription.on('error', () => {});
    },
    close: () => client.close(),
  };
}
