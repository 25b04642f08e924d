import { randomUUID } from 'node:crypto';
import { type Message, PubSub, v1 } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findGoogleEmulator, startGoogleEmulator } from '../support/google-emulator.ts';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { startPushReceiver } from '../support/push-receiver.ts';

/** The official client and its lower half against one server, with names of its own for every case. */
interface World {
  readonly client: PubSub;
  readonly subscriber: v1.SubscriberClient;
}

const project = 'contract';
const emulator = findGoogleEmulator();
if (!emulator)
  process.stdout.write("SKIPPED: gcloud's Pub/Sub emulator is not installed; the contract ran against ours alone\n");

describe('the local Pub/Sub', () => {
  contract(async () => {
    const server = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
    return { host: new URL(server.url).host, close: () => server.kill() };
  });
});

describe.skipIf(!emulator)("Google's emulator", () => {
  contract(() => startGoogleEmulator(emulator ?? ''));
});

function contract(start: () => Promise<{ host: string; close: () => Promise<unknown> }>): void {
  let server: Awaited<ReturnType<typeof start>>;
  let world: World;

  beforeAll(async () => {
    server = await start();
    const [servicePath, port] = server.host.split(':');
    world = {
      client: new PubSub({ projectId: project, apiEndpoint: server.host, emulatorMode: true }),
      subscriber: new v1.SubscriberClient({
        projectId: project,
        servicePath: servicePath ?? '',
        port: Number(port),
        sslCreds: credentials.createInsecure(),
      }),
    };
  });

  afterAll(async () => {
    await Promise.all([world.client.close(), world.subscriber.close()]);
    await server.close();
  });

  test.each(Object.entries(cases))('%s', (_, run) => run(world));
}

const cases: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'topics and subscriptions are created, got, listed and deleted': async ({ client }) => {
    const { topic, subscription } = await topicWithPull(client, { ackDeadlineSeconds: 20 });
    const [metadata] = await subscription.getMetadata();
    expect(metadata).toMatchObject({ name: subscription.name, topic: topic.name, ackDeadlineSeconds: 20 });
    expect((await client.getTopics())[0].map(({ name }) => name)).toContain(topic.name);
    expect((await client.getSubscriptions())[0].map(({ name }) => name)).toContain(subscription.name);
    expect((await topic.getSubscriptions())[0].map(({ name }) => name)).toEqual([subscription.name]);
    await topic.delete();
    expect((await subscription.getMetadata())[0].topic).toBe('_deleted-topic_');
    await subscription.delete();
    expect(await subscription.exists()).toEqual([false]);
    expect(await topic.exists()).toEqual([false]);
  },

  'bytes and attributes come out of a streaming pull as they went in': async ({ client }) => {
    const { topic, subscription } = await topicWithPull(client);
    const data = Buffer.from([0, 255, 10, 13, 128, 0]);
    const attributes = { plain: 'value', ключ: 'значение 🚀', empty: '' };
    const messageId = await topic.publishMessage({ data, attributes });
    const messages: Message[] = [];
    subscription.on('message', (message: Message) => {
      messages.push(message);
      message.ack();
    });
    const message = await until(() => messages[0], { what: 'the message' });
    await subscription.close();
    expect(message.data.equals(data)).toBe(true);
    expect(message.attributes).toEqual(attributes);
    expect(message.id).toBe(messageId);
    expect(Math.abs(message.publishTime.getTime() - Date.now())).toBeLessThan(60_000);
  },

  'a hundred messages come through a streaming pull that holds ten': async ({ client }) => {
    const { topic, subscription } = await topicWithPull(client);
    subscription.setOptions({ flowControl: { maxMessages: 10 } });
    const seen = new Set<string>();
    subscription.on('message', (message: Message) => {
      seen.add(message.data.toString());
      message.ack();
    });
    await Promise.all(numbers(100).map((n) => topic.publishMessage({ data: Buffer.from(String(n)) })));
    await until(() => seen.size === 100, { what: 'all messages' });
    await subscription.close();
  },

  'an acked message does not come back': async ({ client, subscriber }) => {
    const { topic, subscription } = await topicWithPull(client);
    await topic.publishMessage({ data: Buffer.from('once') });
    const { ackId } = await pullOne(subscriber, subscription.name);
    await subscriber.acknowledge({ subscription: subscription.name, ackIds: [ackId] });
    await subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [ackId], ackDeadlineSeconds: 0 });
    const [later] = await subscriber.pull({ subscription: subscription.name, maxMessages: 1, returnImmediately: true });
    expect(later.receivedMessages ?? []).toEqual([]);
  },

  'a nacked message comes back with the same id': async ({ client, subscriber }) => {
    const { topic, subscription } = await topicWithPull(client);
    const messageId = await topic.publishMessage({ data: Buffer.from('again') });
    const { ackId } = await pullOne(subscriber, subscription.name);
    await subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [ackId], ackDeadlineSeconds: 0 });
    expect((await pullOne(subscriber, subscription.name)).message?.messageId).toBe(messageId);
  },

  'a message comes back when its lease expires, and not before': async ({ client, subscriber }) => {
    const { topic, subscription } = await topicWithPull(client);
    await topic.publishMessage({ data: Buffer.from('leased') });
    const { ackId } = await pullOne(subscriber, subscription.name);
    await subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [ackId], ackDeadlineSeconds: 1 });
    const leasedAtMs = performance.now();
    await pullOne(subscriber, subscription.name);
    expect(performance.now() - leasedAtMs).toBeGreaterThan(700);
  },

  'a push has the wrapped body, and 204 acks it': async ({ client }) => {
    const receiver = await startPushReceiver();
    const { topic, subscription } = await topicWithPush(client, receiver.url);
    const messageId = await topic.publishMessage({ data: Buffer.from('pushed'), attributes: { key: 'value' } });
    const { body, headers } = await until(() => receiver.pushes[0], { what: 'the push' });
    expect(headers['content-type']).toContain('application/json');
    expect(body).toEqual({
      message: {
        data: Buffer.from('pushed').toString('base64'),
        attributes: { key: 'value' },
        messageId,
        message_id: messageId,
        publishTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        publish_time: body.message.publishTime,
      },
      subscription: subscription.name,
    });
    await topic.publishMessage({ data: Buffer.from('second') });
    await until(() => receiver.pushes.length >= 2, { what: 'the second push' });
    expect(receiver.pushes.filter((push) => push.body.message.messageId === messageId)).toHaveLength(1);
    await subscription.delete();
    await receiver.close();
  },

  'a push that is answered 500 or 429 is made again': async ({ client }) => {
    const receiver = await startPushReceiver((_, count) => [500, 429][count - 1] ?? 200);
    const { topic, subscription } = await topicWithPush(client, receiver.url);
    const messageId = await topic.publishMessage({ data: Buffer.from('stubborn') });
    await until(() => receiver.pushes.length === 3, { what: 'three pushes' });
    expect(new Set(receiver.pushes.map(({ body }) => body.message.messageId))).toEqual(new Set([messageId]));
    await subscription.delete();
    await receiver.close();
  },

  'a pull subscription becomes a push subscription and back': async ({ client, subscriber }) => {
    const receiver = await startPushReceiver();
    const { topic, subscription } = await topicWithPull(client);
    await subscription.modifyPushConfig({ pushEndpoint: receiver.url });
    await topic.publishMessage({ data: Buffer.from('to push') });
    await until(() => receiver.pushes[0], { what: 'the push' });
    await subscription.modifyPushConfig({ pushEndpoint: '' });
    await topic.publishMessage({ data: Buffer.from('to pull') });
    expect((await pullOne(subscriber, subscription.name)).message?.data?.toString()).toBe('to pull');
    await receiver.close();
  },

  'a subscription is updated where the mask says so': async ({ client, subscriber }) => {
    const { subscription } = await topicWithPull(client, { ackDeadlineSeconds: 20 });
    await subscriber.updateSubscription({
      subscription: { name: subscription.name, ackDeadlineSeconds: 40, labels: { team: 'search' } },
      updateMask: { paths: ['ack_deadline_seconds'] },
    });
    expect((await subscription.getMetadata())[0]).toMatchObject({ ackDeadlineSeconds: 40, labels: {} });
  },

  'what is not there is NOT_FOUND, what is there already ALREADY_EXISTS': async ({ client, subscriber }) => {
    const { topic, subscription } = await topicWithPull(client);
    const missing = client.topic('missing-topic');
    await expect(missing.publishMessage({ data: Buffer.from('x') })).rejects.toMatchObject({ code: 5 });
    await expect(missing.getMetadata()).rejects.toMatchObject({ code: 5 });
    await expect(missing.createSubscription(unique())).rejects.toMatchObject({ code: 5 });
    await expect(missing.delete()).rejects.toMatchObject({ code: 5 });
    const name = `projects/${project}/subscriptions/missing`;
    await expect(subscriber.pull({ subscription: name, maxMessages: 1 })).rejects.toMatchObject({ code: 5 });
    await expect(subscriber.deleteSubscription({ subscription: name })).rejects.toMatchObject({ code: 5 });
    await expect(client.createTopic(topic.name)).rejects.toMatchObject({ code: 6 });
    await expect(topic.createSubscription(subscription.name)).rejects.toMatchObject({ code: 6 });
  },

  'attributes that are not UTF-8 are refused': async ({ client }) => {
    const { topic } = await topicWithPull(client);
    const once = client.topic(topic.name, { gaxOpts: { retry: null } });
    const data = Buffer.from('x');
    await expect(once.publishMessage({ data, attributes: { half: 'a\ud83d' } })).rejects.toThrow();
    await expect(once.publishMessage({ data, attributes: { '\ude00': 'a' } })).rejects.toThrow();
    await once.publishMessage({ data, attributes: { whole: '\ufffd \ud83d\ude00' } });
  },

  'what Pub/Sub does not take is INVALID_ARGUMENT': async ({ client, subscriber }) => {
    const { topic, subscription } = await topicWithPull(client);
    const refused = { code: 3 };
    await expect(client.createTopic('1-begins-with-a-digit')).rejects.toMatchObject(refused);
    await expect(client.createTopic('goog-is-reserved')).rejects.toMatchObject(refused);
    await expect(topic.publishMessage({ data: Buffer.alloc(0) })).rejects.toMatchObject(refused);
    await expect(subscriber.pull({ subscription: subscription.name, maxMessages: 0 })).rejects.toMatchObject(refused);
  },

  'a message of ten megabytes passes': async ({ client, subscriber }) => {
    const { topic, subscription } = await topicWithPull(client);
    const data = Buffer.alloc(10_000_000, 'x');
    await topic.publishMessage({ data });
    expect((await pullOne(subscriber, subscription.name)).message?.data?.length).toBe(data.length);
  },
};

async function topicWithPull(client: PubSub, options: { ackDeadlineSeconds?: number } = {}) {
  const [topic] = await client.createTopic(unique());
  const [subscription] = await topic.createSubscription(unique(), options);
  return { topic, subscription };
}

async function topicWithPush(client: PubSub, pushEndpoint: string) {
  const [topic] = await client.createTopic(unique());
  const [subscription] = await topic.createSubscription(unique(), { pushConfig: { pushEndpoint } });
  return { topic, subscription };
}

function unique(): string {
  return `case-${randomUUID()}`;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

async function pullOne(subscriber: v1.SubscriberClient, subscription: string) {
  return until(
    async () => {
      const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 1 });
      const received = receivedMessages?.[0];
      return received && { ackId: received.ackId ?? '', message: received.message };
    },
    { what: 'a message to pull' },
  );
}
