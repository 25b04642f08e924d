import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../support/memory-store.ts';
import { answering, startProcessorWorld } from './processor-world.ts';

const chat = { model: 'm', messages: [] };
const usage = { prompt_tokens: 1, completion_tokens: 2 };
const largeBody = JSON.stringify({ text: 'x'.repeat(10_000_000), usage });
const sha256 = createHash('sha256').update(largeBody).digest('hex');
const retries = 'projects/p/subscriptions/retries';

async function setUp(settings: object = {}) {
  const store = createMemoryStore();
  return { ...(await startProcessorWorld({ store, settings })), store };
}

describe('a result that no message holds', () => {
  test('lies in the store before its message says so', async () => {
    const world = await setUp();
    world.play(() => answering(200, largeBody));
    expect(await world.push({ data: { id: 'doc', payload: chat }, messageId: '17' })).toBe(204);
    const [message] = world.on('results');
    expect(message!.attributes).toMatchObject({ status: 'succeeded', status_code: '200' });
    expect(message!.attributes.error_code).toBeUndefined();
    expect(JSON.parse(message!.data.toString())).toMatchObject({
      id: 'doc',
      status_code: 200,
      payload: '',
      payload_uri: `memory:/results/17/${sha256}`,
      payload_bytes: largeBody.length,
      payload_sha256: sha256,
      error_code: '',
      usage,
    });
    expect(world.store.objects.get(`results/17/${sha256}`)).toBe(largeBody);
    expect(world.results()).toMatchObject([{ outcome: 'succeeded', tokens: { prompt: 1, completion: 2 } }]);
  });

  test('of a batch line stands beside a body of null', async () => {
    const world = await setUp();
    world.play(() => answering(200, largeBody));
    await world.push({ data: { custom_id: 'c', body: chat }, messageId: '17' });
    expect(JSON.parse(world.on('results')[0]!.data.toString())).toMatchObject({
      custom_id: 'c',
      response: {
        status_code: 200,
        body: null,
        body_uri: `memory:/results/17/${sha256}`,
        body_bytes: largeBody.length,
        body_sha256: sha256,
      },
      error: null,
    });
  });

  test('one that fits stands in its message', async () => {
    const world = await setUp();
    world.play(() => answering(200, '{"a":1}'));
    await world.push();
    expect(JSON.parse(world.on('results')[0]!.data.toString()).payload).toBe('{"a":1}');
    expect(world.store.objects.size).toBe(0);
  });

  test('without a store it is too large', async () => {
    const world = await startProcessorWorld();
    world.play(() => answering(200, largeBody));
    await world.push();
    expect(world.on('results')).toMatchObject([{ attributes: { error_code: 'RESULT_TOO_LARGE', status_code: '200' } }]);
  });

  test('is kept, and stored without a second call, when the store comes back', async () => {
    const world = await setUp();
    world.play(() => answering(200, largeBody));
    world.store.fail(new Error('down'));
    const push = { data: chat, messageId: '17' };
    expect(await world.push(push)).toBe(503);
    expect(world.published).toEqual([]);
    world.store.fail(undefined);
    expect(await world.push(push)).toBe(204);
    expect(world.calls).toHaveLength(1);
    expect(world.store.objects.has(`results/17/${sha256}`)).toBe(true);
  });
});

test.each([
  ['what a message holds, without a store', undefined, {}, 10_000_000],
  ['MAX_RESULT_BYTES, where that is less', undefined, { maxResultBytes: 1000 }, 1000],
  ['MAX_RESULT_BYTES, with a store', createMemoryStore(), {}, 67_108_864],
])('of an answer no more is read than %s', async (_, store, settings, expected) => {
  const world = await startProcessorWorld({ settings, ...(store ? { store } : {}) });
  await world.push();
  expect(world.calls.map(({ maxAnswerBytes }) => maxAnswerBytes)).toEqual([expected]);
});

describe('REPLAY', () => {
  test('publishes the result again, without a second call, also in another instance', async () => {
    const world = await setUp({ replays: true });
    world.play((_, index) => answering(200, `{"call":${index}}`));
    const push = { data: { id: 'a/ü', payload: chat }, messageId: '17', attributes: { team: 'search' } };
    expect(await world.push(push)).toBe(204);
    expect([...world.store.objects.keys()]).toEqual(['replay/17.json']);
    const other = await startProcessorWorld({ store: world.store, settings: { replays: true } });
    expect(await other.push(push)).toBe(204);
    expect(other.calls).toHaveLength(0);
    expect(other.published).toEqual(world.published);
    expect(other.told()).toEqual(['publish results', 'replayed', 'delivered 204']);
  });

  test('knows a request by its first message, through its retries', async () => {
    const world = await setUp({ replays: true, retrySpanMs: 0 });
    world.play((_, index) => (index === 0 ? { end: 'broken', message: 'x' } : answering(200)));
    await world.push({ data: chat, messageId: '17' });
    expect(world.store.objects.size).toBe(0);
    const { attributes } = world.on('retries')[0]!;
    await world.clock.advance(10_000);
    expect(await world.push({ data: chat, messageId: '18', subscription: retries, attributes })).toBe(204);
    expect([...world.store.objects.keys()]).toEqual(['replay/17.json']);
    expect(await world.push({ data: chat, messageId: '18', subscription: retries, attributes })).toBe(204);
    expect(world.calls).toHaveLength(2);
  });

  test('gives a message back while the store cannot be read, and calls nothing', async () => {
    const world = await setUp({ replays: true });
    world.store.fail(new Error('down'));
    expect(await world.push()).toBe(503);
    expect(world.calls).toHaveLength(0);
    expect(world.told()).toContain('given back 503 STORE cannot be read');
  });

  test('stops calls while results cannot be kept, and goes on when they can', async () => {
    const world = await setUp({ replays: true });
    const write = world.store.objects.set.bind(world.store.objects);
    world.store.objects.set = () => {
      throw new Error('read-only');
    };
    expect(await world.push()).toBe(503);
    expect(world.told()).toContain('breaker opens STORE');
    world.store.objects.set = write;
    await world.clock.advance(2000);
    expect(await world.push()).toBe(204);
    expect(world.told()).toContain('breaker closes STORE');
  });

  test('keeps what can never succeed, too', async () => {
    const world = await setUp({ replays: true });
    await world.push({ data: 'no JSON', messageId: '17' });
    expect(await world.push({ data: 'no JSON', messageId: '17' })).toBe(204);
    expect(world.on('dead')).toHaveLength(1);
    expect(world.on('results')).toHaveLength(2);
  });

  test('is off where it is not asked for', async () => {
    const world = await setUp();
    await world.push({ data: chat, messageId: '17' });
    await world.push({ data: chat, messageId: '17' });
    expect(world.calls).toHaveLength(2);
    expect(world.store.objects.size).toBe(0);
  });
});
