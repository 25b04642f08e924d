import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { answering, holding, startProcessorWorld } from './processor-world.ts';

describe('an end', () => {
  test('gives back what waits and what comes, and lets calls finish', async () => {
    const world = await startProcessorWorld();
    const held = holding();
    world.play(held.script);
    const [running, waiting] = [world.start(), world.start()];
    await world.clock.advance(100);
    world.processor.close();
    const late = world.start();
    await world.clock.advance(0);
    expect([running.status, waiting.status, late.status]).toEqual([undefined, 503, 503]);
    let hasEnded = false;
    void world.processor.ended().then(() => {
      hasEnded = true;
    });
    await world.clock.advance(1000);
    expect(hasEnded).toBe(false);
    held.end(answering(200));
    await world.clock.advance(0);
    expect([running.status, hasEnded]).toEqual([204, true]);
  });
  test('that cannot wait gives back what runs', async () => {
    const world = await startProcessorWorld();
    world.play(holding().script);
    const running = world.start();
    await world.clock.advance(100);
    world.processor.abort();
    expect(await running.ended).toBe(503);
    expect(world.published).toEqual([]);
  });
});

describe('two deliveries of one message', () => {
  test('are one call, and two answers', async () => {
    const world = await startProcessorWorld();
    const held = holding();
    world.play(held.script);
    const both = [world.start({ messageId: 'twice' }), world.start({ messageId: 'twice' })];
    await world.clock.advance(100);
    held.end(answering(200));
    expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([204, 204]);
    expect([world.calls.length, world.on('results').length]).toEqual([1, 1]);
    expect(world.told().filter((line) => line === 'delivered 204')).toHaveLength(2);
  });
  test('of different subscriptions are two', async () => {
    const world = await startProcessorWorld();
    await Promise.all(['a', 'b'].map((subscription) => world.push({ messageId: 'same', subscription })));
    expect(world.on('results')).toHaveLength(2);
  });
  test('without an id are two', async () => {
    const world = await startProcessorWorld();
    await Promise.all([1, 2].map(() => world.push({ messageId: '' })));
    expect(world.on('results')).toHaveLength(2);
  });
  test('end when the last connection is lost, and are counted as such', async () => {
    const world = await startProcessorWorld();
    world.play(holding().script);
    const both = [world.start({ messageId: 'twice' }), world.start({ messageId: 'twice' })];
    await world.clock.advance(100);
    world.told();
    both[0]?.hangUp();
    await world.clock.advance(1000);
    expect(world.told()).toEqual([]);
    both[1]?.hangUp();
    await world.clock.advance(0);
    expect(world.told()).toEqual([
      'called aborted',
      'given back 503 the call was aborted',
      'delivered 499',
      'delivered 499',
    ]);
  });
  test.each([
    ['just before', true],
    ['at once', false],
  ])('a connection that is lost %s stops the work', async (_, isBefore) => {
    const world = await startProcessorWorld();
    const gone = new AbortController();
    if (isBefore) gone.abort();
    world.start({}, gone).hangUp();
    await world.clock.advance(1000);
    expect(world.calls).toEqual([]);
    expect(world.told()).toEqual(['given back 503 aborted', 'delivered 499']);
    expect(getEventListeners(gone.signal, 'abort')).toEqual([]);
  });
});

test('an error that no rule foresees is told, answered 503, and leaves no place taken', async () => {
  const world = await startProcessorWorld();
  world.play(() => {
    throw new Error('unforeseen');
  });
  expect(await world.push()).toBe(503);
  expect(world.told().slice(-2)).toEqual(['crashed Error: unforeseen', 'delivered 503']);
  expect(world.pool.inFlight).toBe(0);
});

test('a full pool holds up no other', async () => {
  const subscriptions = { other: { INFERENCE_GATEWAY_URL: 'http://other', MAX_IN_FLIGHT: 1 } };
  const world = await startProcessorWorld({ subscriptions });
  world.play(({ url }) => (url.startsWith('http://other') ? new Promise(() => undefined) : answering(200)));
  const stuck = [1, 2].map(() => world.start({ subscription: 'projects/p/subscriptions/other' }));
  expect(await world.push()).toBe(204);
  expect(stuck.map(({ status }) => status)).toEqual([undefined, undefined]);
});

test('large messages of one tenant that wait leave half of the room for bodies to others', async () => {
  const world = await startProcessorWorld({
    settings: { maxBufferedBytes: 24_000_000 },
    source: async () => ({ source: 'x', saturation: 1, ageMs: 0 }),
  });
  const ofBytes = (sizeBytes: number): string => `{"model":"m","messages":["${'x'.repeat(sizeBytes)}"]}`;
  const large = [1, 2].map((index) =>
    world.start({ messageId: `large ${index}`, data: ofBytes(5_500_000), attributes: { tenant: 'large' } }),
  );
  const small = world.start({ messageId: 'small', data: ofBytes(1_000_000), attributes: { tenant: 'small' } });
  await world.clock.advance(1000);
  expect(large.map(({ status }) => status)).toEqual([undefined, 429]);
  expect(small.status).toBeUndefined();
  world.processor.close();
  await world.clock.advance(0);
});
