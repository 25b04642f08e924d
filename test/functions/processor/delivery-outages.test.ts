import { describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../functions/processor/call/answer.ts';
import { answering, startProcessorWorld } from './processor-world.ts';

const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };

describe('what could not be published', () => {
  const notFound = { code: 5, message: 'no such topic' };
  test('is kept, and published without a second call when the message comes again', async () => {
    const world = await startProcessorWorld();
    world.failing.set('results', notFound);
    expect(await world.push({ messageId: 'kept' })).toBe(503);
    expect(world.told().slice(-4)).toEqual([
      'publish results',
      'breaker opens results',
      'unpublished',
      'delivered 503',
    ]);
    world.failing.clear();
    expect(await world.push({ messageId: 'kept' })).toBe(204);
    expect(world.told()).toEqual([
      'publish results',
      'breaker closes results',
      'answered succeeded 1',
      'delivered 204',
    ]);
    expect([world.calls.length, world.on('results').length]).toEqual([1, 1]);
  });
  test('holds back what comes after it, which is kept as well', async () => {
    const world = await startProcessorWorld();
    world.failing.set('dead', notFound);
    const push = { messageId: 'held', data: 'no JSON' };
    expect(await world.push(push)).toBe(503);
    expect(world.published).toEqual([]);
    world.failing.clear();
    expect(await world.push(push)).toBe(204);
    expect(world.published.map(({ topic }) => topic)).toEqual(['dead', 'results']);
  });
  test('is not published again where it was', async () => {
    const world = await startProcessorWorld();
    world.failing.set('results', notFound);
    const push = { messageId: 'half', data: 'no JSON' };
    expect(await world.push(push)).toBe(503);
    world.failing.clear();
    expect(await world.push(push)).toBe(204);
    expect(world.published.map(({ topic }) => topic)).toEqual(['dead', 'results']);
  });
  test('pauses dispatch for other messages, but for one probe at a time', async () => {
    const world = await startProcessorWorld({ settings: { maxWaitMs: 500 } });
    world.failing.set('results', notFound);
    await world.push();
    world.told();
    expect(await world.push()).toBe(503);
    expect(world.told().at(-2)).toBe('given back 503 breaker');
    world.failing.clear();
    await world.clock.advance(2000);
    expect(await world.push()).toBe(204);
    expect(world.told()).toContain('breaker closes results');
    expect(await world.push()).toBe(204);
  });
  test('because Pub/Sub refuses this very message pauses no other', async () => {
    const world = await startProcessorWorld();
    world.failing.set('results', { code: 3, message: 'invalid argument' });
    expect(await world.push()).toBe(503);
    expect(world.told()).not.toContain('breaker opens results');
  });
  test('within 15 s, or what the push leaves, is given back', async () => {
    const world = await startProcessorWorld();
    world.failing.set('results', notFound);
    const slow = world.start();
    await world.clock.advance(14_999);
    expect(slow.status).toBeUndefined();
    await world.clock.advance(1);
    expect(slow.status).toBe(503);
  });
});

describe('a failure that is not the message’s own', () => {
  test('is the operator’s, unless others have just succeeded', async () => {
    const world = await startProcessorWorld();
    world.play(() => answering(401));
    expect(await world.push()).toBe(503);
    world.play(() => answering(200));
    expect(await world.push()).toBe(204);
    world.play(() => answering(401));
    expect(await world.push()).toBe(204);
    expect(world.on('retries')).toHaveLength(1);
  });
});

test('a message that fails again and again does not stop the others, however often it is published anew', async () => {
  const world = await startProcessorWorld();
  world.play(() => broken);
  for (let delivery = 0; delivery < 6; delivery += 1) {
    await world.push({ subscription: 'retries', attributes: { first_message_id: 'poison' } });
  }
  expect(world.told()).not.toContain('breaker opens /v1/chat/completions');
});

test('a message that ends without a publish frees the topic that it was to try out', async () => {
  const world = await startProcessorWorld();
  world.failing.set('results', { code: 5, message: 'no such topic' });
  await world.push();
  world.failing.clear();
  await world.clock.advance(1000);
  world.play(() => ({ end: 'unreachable', message: 'x' }));
  expect(await world.push()).toBe(503);
  world.told();
  world.play(() => answering(200));
  expect(await world.push()).toBe(204);
  expect(world.told()).toContain('breaker closes results');
});
