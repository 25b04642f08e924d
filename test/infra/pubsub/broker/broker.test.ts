import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Outstanding } from '../../../../infra/local/pubsub/broker/outstanding.ts';
import { deletedTopic } from '../../../../infra/local/pubsub/catalog/resource-names.ts';
import { createWorld, deadSubscriptionName, deadTopicName, subscriptionName, textOf, topicName } from './world.ts';

const retryPolicy = { minimumBackoff: '1s', maximumBackoff: '4s' };
const deadLetterPolicy = { deadLetterTopic: deadTopicName, maxDeliveryAttempts: 5 };

test('a publish resolves when its group is committed, not before', async () => {
  const world = createWorld();
  world.publish('a');
  let committed = false;
  void world.broker.committed().then(() => (committed = true));
  await world.clock.advance(4);
  expect(committed).toBe(false);
  await world.clock.advance(1);
  expect(committed).toBe(true);
});

test('what is leased is not handed out again until the lease ends', async () => {
  const world = createWorld();
  world.publish('a', 'b', 'c');
  expect(world.lease(2).map(textOf)).toEqual(['a', 'b']);
  expect(world.lease().map(textOf)).toEqual(['c']);
  expect(world.lease()).toEqual([]);
  await world.clock.advance(9_999);
  expect(world.lease()).toEqual([]);
  await world.clock.advance(1);
  expect(world.lease().map(({ attempt }) => attempt)).toEqual([2, 2, 2]);
});

test('a lease hands out bytes up to its limit, and one message at least', () => {
  const world = createWorld();
  world.publish('aaaa', 'bbbb', 'cccc');
  expect(world.lease(10, 1).map(textOf)).toEqual(['aaaa']);
  expect(world.lease(10, 8).map(textOf)).toEqual(['bbbb', 'cccc']);
});

test('what was nacked does not wait for a backlog to go first: once due, it has every third place', async () => {
  const world = createWorld({ subscription: { retryPolicy } });
  world.publish(...'abcdefghij');
  for (const delivery of world.lease(3)) world.broker.nack(world.entry(), delivery);
  expect(world.lease(2).map(textOf)).toEqual(['d', 'e']);
  await world.clock.advance(1000);
  expect(world.lease(1).map(textOf)).toEqual(['f']);
  expect(world.lease(7).map(textOf)).toEqual(['g', 'a', 'h', 'i', 'b', 'j', 'c']);
});

test('an ack removes for good, also when the lease has ended', async () => {
  const world = createWorld();
  world.publish('a');
  const [delivery] = world.lease();
  await world.clock.advance(20_000);
  world.broker.ack(world.entry(), delivery!);
  expect(world.lease()).toEqual([]);
  expect(world.backlog.storedBytes).toBe(0);
});

test('an ack or nack through another subscription does nothing', () => {
  const world = createWorld();
  world.publish('a');
  const [delivery] = world.lease();
  const other = world.catalog.subscription(deadSubscriptionName);
  world.broker.ack(other, delivery!);
  world.broker.nack(other, delivery!);
  expect(world.lease()).toEqual([]);
  expect(world.backlog.storedBytes).toBe(1);
});

test('the nack of an old lease does not end a newer one', async () => {
  const world = createWorld();
  world.publish('a');
  const [old] = world.lease();
  await world.clock.advance(10_000);
  world.lease();
  world.broker.nack(world.entry(), old!);
  expect(world.lease()).toEqual([]);
});

test.each([
  ['without a retry policy a nack is due at once', {}, [0, 0, 0, 0]],
  ['with one it backs off exponentially to the maximum', { retryPolicy }, [1000, 2000, 4000, 4000]],
])('%s', async (_, subscription, waits) => {
  const world = createWorld({ subscription });
  world.publish('a');
  for (const waitMs of waits) {
    const [delivery] = world.lease();
    world.broker.nack(world.entry(), delivery!);
    await world.clock.advance(Math.max(0, waitMs - 1));
    if (waitMs > 0) expect(world.lease()).toEqual([]);
    await world.clock.advance(waitMs > 0 ? 1 : 0);
  }
  expect(world.lease()).toHaveLength(1);
});

test('a lease that runs out backs off as a nack does', async () => {
  const world = createWorld({ subscription: { retryPolicy } });
  world.publish('a');
  world.lease();
  await world.clock.advance(10_999);
  expect(world.lease()).toEqual([]);
  await world.clock.advance(1);
  expect(world.lease()).toHaveLength(1);
});

test.each([
  ['forward', 3_600_000],
  ['back', -3_600_000],
])('a wall clock that is set %s moves no lease, backoff or delay; publish times follow it', async (_, stepMs) => {
  const world = createWorld({ subscription: { retryPolicy }, knobs: { delayMs: 500 } });
  world.publish('leased', 'nacked');
  await world.clock.advance(500);
  const [, nacked] = world.lease();
  world.broker.nack(world.entry(), nacked!);
  world.clock.step(stepMs);
  const publishedAtMs = world.clock.unixMs();
  world.publish('new');
  await world.clock.advance(499);
  expect(world.lease()).toEqual([]);
  await world.clock.advance(1);
  const [later] = world.lease();
  expect([textOf(later!), later!.message.publishTimeMs]).toEqual(['new', publishedAtMs]);
  await world.clock.advance(500);
  expect(world.lease().map(textOf)).toEqual(['nacked']);
  await world.clock.advance(9_999);
  expect(world.lease()).toEqual([]);
  await world.clock.advance(1);
  expect(world.lease().map(textOf)).toEqual(['leased']);
});

test('after its attempts a message goes to the dead-letter topic with the four attributes', async () => {
  const world = createWorld({ subscription: { deadLetterPolicy, retryPolicy } });
  const [messageId] = world.broker.publish(topicName, [{ data: Buffer.from('poison'), attributes: { own: 'x' } }]);
  const publishTimeMs = world.clock.unixMs();
  for (let attempt = 1; attempt <= 5; attempt++) {
    const [delivery] = world.lease();
    expect(delivery).toMatchObject({ attempt, message: { messageId } });
    world.broker.nack(world.entry(), delivery!);
    if (attempt < 5) await world.clock.advance(4000);
  }
  expect(world.lease()).toEqual([]);
  const [dead] = world.leaseFrom(deadSubscriptionName);
  expect(textOf(dead!)).toBe('poison');
  expect(dead!.message.attributes).toEqual({
    own: 'x',
    CloudPubSubDeadLetterSourceDeliveryCount: '5',
    CloudPubSubDeadLetterSourceSubscription: 'sub',
    CloudPubSubDeadLetterSourceSubscriptionProject: 'p',
    CloudPubSubDeadLetterSourceTopicPublishTime: new Date(publishTimeMs).toISOString().replace('Z', '+00:00'),
  });
});

test('without its dead-letter topic a message stays and is delivered on', () => {
  const world = createWorld({ subscription: { deadLetterPolicy } });
  world.publish('a');
  world.catalog.removeTopic(deadTopicName);
  for (let attempt = 1; attempt <= 7; attempt++) {
    const [delivery] = world.lease();
    expect(delivery?.attempt).toBe(attempt);
    world.broker.nack(world.entry(), delivery!);
  }
});

test('a filter keeps out what it does not match, and nothing of that is stored', () => {
  const world = createWorld({ subscription: { filter: 'attributes.kind = "chat"' } });
  const message = (kind: string) => ({ data: Buffer.from(kind), attributes: { kind } });
  expect(world.broker.publish(topicName, [message('chat'), message('other')])).toHaveLength(2);
  expect(world.lease().map(textOf)).toEqual(['chat']);
  expect(world.backlog.storedBytes).toBe('chat'.length + 'kindchat'.length);
});

test('beyond the limit of the backlog a publish is refused whole, and taken once there is room', () => {
  const world = createWorld({ maxBacklogBytes: 10 });
  world.publish('12345678');
  expect(() => world.publish('1', '23')).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  const [delivery] = world.lease();
  world.broker.ack(world.entry(), delivery!);
  expect(world.lease()).toEqual([]);
  expect(world.publish('1', '23')).toHaveLength(2);
});

test('a duplicate is a delivery of its own, within a second', async () => {
  const world = createWorld({ knobs: { duplicateRate: 1, random: () => 0.5 } });
  const [messageId] = world.publish('a');
  const [first] = world.lease();
  world.broker.ack(world.entry(), first!);
  await world.clock.advance(499);
  expect(world.lease()).toEqual([]);
  await world.clock.advance(1);
  const [second] = world.lease();
  expect(second!.message.messageId).toBe(messageId);
  world.broker.ack(world.entry(), second!);
  expect(world.backlog.storedBytes).toBe(0);
});

test('a delay holds the first delivery back', async () => {
  const world = createWorld({ knobs: { delayMs: 300 } });
  world.publish('a');
  await world.clock.advance(299);
  expect(world.lease()).toEqual([]);
  await world.clock.advance(1);
  expect(world.lease()).toHaveLength(1);
});

test.each([
  ['a publish', 0, 5],
  ['the end of a delay', 300, 300],
])('who waits is woken by %s', async (_, delayMs, afterMs) => {
  const world = createWorld({ knobs: { delayMs } });
  let wokenAtMs: number | undefined;
  const startMs = world.clock.nowMs();
  const unsubscribe = world.broker.onAvailable(world.entry().id, () => {
    if (world.lease().length > 0) wokenAtMs = world.clock.nowMs() - startMs;
  });
  world.publish('a');
  await world.clock.advance(1000);
  expect(wokenAtMs).toBe(afterMs);
  unsubscribe();
  expect(world.clock.pendingTimers()).toBe(0);
});

test('retention removes what nobody took, and does not deliver what outlived it', async () => {
  const world = createWorld({ subscription: { messageRetentionDuration: '600s' } });
  world.publish('a', 'b');
  world.lease(1);
  await world.clock.advance(600_001);
  world.broker.expire();
  expect(world.lease()).toEqual([]);
  expect(world.backlog.storedBytes).toBe(0);
});

test('a deleted topic leaves its subscription with what it has; a deleted subscription leaves nothing', async () => {
  const world = createWorld();
  world.publish('a');
  world.catalog.removeTopic(topicName);
  expect(world.entry().config.topic).toBe(deletedTopic);
  expect(world.lease()).toHaveLength(1);
  const { id } = world.catalog.removeSubscription(subscriptionName);
  world.broker.clear(id);
  await world.clock.advance(10);
  expect(world.backlog.storedBytes).toBe(0);
});

test('a stream holds what it was handed until it is settled or expires', async () => {
  const world = createWorld();
  world.publish('aa', 'bb', 'cc', 'dd');
  const holder = new Outstanding();
  const leased = world.broker.lease(world.entry(), { maxMessages: 9, maxBytes: 99, leaseMs: 10_000, holder });
  expect([holder.messages, holder.bytes]).toEqual([4, 8]);
  world.broker.ack(world.entry(), leased[0]!);
  world.broker.nack(world.entry(), leased[1]!);
  world.broker.extend(world.entry(), leased[2]!, 30_000);
  expect(holder.messages).toBe(2);
  await world.clock.advance(10_000);
  holder.dropExpired(world.clock.nowMs());
  expect([holder.messages, holder.bytes]).toEqual([1, 2]);
});

test('whatever is done, every message is acked, waiting or leased, and none is stored once all are acked', async () => {
  const steps = fc.array(fc.constantFrom('publish', 'lease', 'ack', 'nack', 'extend', 'wait'), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, async (names) => {
      const world = createWorld({ knobs: { duplicateRate: 0.3, random: Math.random } });
      const held: ReturnType<typeof world.lease> = [];
      const published = new Set<string>();
      const acked = new Set<string>();
      const ack = (delivery: (typeof held)[number]) => {
        world.broker.ack(world.entry(), delivery);
        acked.add(delivery.message.messageId);
      };
      for (const name of names) {
        const [first] = held;
        if (name === 'publish') for (const id of world.publish('x', 'y')) published.add(id);
        if (name === 'lease') held.push(...world.lease(2));
        if (name === 'wait') await world.clock.advance(7000);
        if (first && name === 'ack') ack(first);
        if (first && name === 'nack') world.broker.nack(world.entry(), first);
        if (first && name === 'extend') world.broker.extend(world.entry(), first, 20_000);
        if (first && name !== 'extend' && name !== 'lease') held.shift();
      }
      await world.clock.advance(60_000);
      for (const delivery of world.lease(1000)) ack(delivery);
      expect(acked).toEqual(published);
      expect(world.backlog.storedBytes).toBe(0);
    }),
    { numRuns: 50 },
  );
});
