import { describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../support/memory-store.ts';
import { answering, holding, startProcessorWorld } from './processor-world.ts';

const chat = { model: 'm', messages: [] };
const full = { source: 'x', saturation: 1, ageMs: 0 };
const cancelJob = { action: 'cancel', job: 'b-17' };
const pauseAcme = { action: 'pause', tenant: 'acme' };
const ofJob = { data: chat, attributes: { job: 'b-17', tenant: 'acme' } };

async function setUp(more: Parameters<typeof startProcessorWorld>[0] = {}) {
  const store = createMemoryStore();
  const world = await startProcessorWorld({ store, ...more });
  const control = async (...rules: readonly object[]): Promise<void> => {
    store.objects.set('control.json', JSON.stringify({ rules }));
    await world.clock.advance(5000);
    world.told();
  };
  return { ...world, store, control };
}

describe('a cancelled message', () => {
  test('gets its result, and no call', async () => {
    const world = await setUp();
    await world.control(cancelJob);
    expect(await world.push(ofJob)).toBe(204);
    expect(world.calls).toHaveLength(0);
    expect(world.published).toMatchObject([
      { topic: 'results', attributes: { error_code: 'CANCELLED', status: 'failed', attempts: '0' } },
    ]);
    expect(world.results()).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test('is stopped within five seconds while it waits', async () => {
    const world = await setUp({ source: async () => full });
    const waiting = world.start(ofJob);
    const other = world.start({ data: chat });
    await world.clock.advance(1000);
    await world.control(cancelJob);
    expect([waiting.status, other.status]).toEqual([204, undefined]);
    expect(world.results()).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test('is stopped within five seconds while it is called: the call is aborted and counts as no attempt', async () => {
    const world = await setUp();
    world.play(holding().script);
    const running = world.start(ofJob);
    await world.clock.advance(1000);
    expect(world.calls).toHaveLength(1);
    await world.control(cancelJob);
    expect(running.status).toBe(204);
    expect(world.calls[0]!.signal.aborted).toBe(true);
    expect(world.results()).toMatchObject([{ outcome: 'cancelled', attempts: 0 }]);
    expect(world.pool.inFlight).toBe(0);
  });

  test('whose answer is here already has its answer', async () => {
    const world = await setUp();
    world.play(() => answering(200));
    expect(await world.push(ofJob)).toBe(204);
    await world.control(cancelJob);
    expect(world.results()).toMatchObject([{ outcome: 'succeeded' }]);
  });
});

describe('a paused message', () => {
  test('goes back with 429, and no attempt, until it is resumed', async () => {
    const world = await setUp();
    await world.control(pauseAcme);
    expect(await world.push(ofJob)).toBe(429);
    expect(world.told()).toEqual(['judged defer paused', 'given back 429 paused', 'delivered 429']);
    await world.control();
    expect(await world.push(ofJob)).toBe(204);
    expect(world.results()).toMatchObject([{ outcome: 'succeeded', attempts: 1 }]);
  });

  test('until its rule is over', async () => {
    const world = await setUp();
    await world.control({ ...pauseAcme, until: new Date(world.clock.unixMs() + 60_000).toISOString() });
    expect(await world.push(ofJob)).toBe(429);
    await world.clock.advance(60_000);
    expect(await world.push(ofJob)).toBe(204);
  });

  test('goes back from its wait, and others do not', async () => {
    const world = await setUp({ source: async () => full });
    const waiting = world.start(ofJob);
    const other = world.start({ data: chat });
    await world.clock.advance(1000);
    await world.control(pauseAcme);
    expect([waiting.status, other.status]).toEqual([429, undefined]);
  });

  test('may end the call that it has', async () => {
    const world = await setUp();
    const held = holding();
    world.play(held.script);
    const running = world.start(ofJob);
    await world.clock.advance(1000);
    await world.control(pauseAcme);
    expect(running.status).toBeUndefined();
    held.end(answering(200));
    await world.clock.advance(1000);
    expect(world.results()).toMatchObject([{ outcome: 'succeeded' }]);
  });

  test('expires all the same', async () => {
    const world = await setUp();
    await world.control(pauseAcme);
    expect(await world.push({ ...ofJob, data: { payload: chat, deadline: 1 } })).toBe(204);
    expect(world.results()).toMatchObject([{ outcome: 'expired' }]);
  });
});

describe('the document', () => {
  test('that cannot be read, or is none, leaves the last rules in force, and that is said once', async () => {
    const world = await setUp();
    await world.control(pauseAcme);
    world.store.objects.set('control.json', '{"rules":');
    await world.clock.advance(15_000);
    expect(await world.push(ofJob)).toBe(429);
    world.store.fail(new Error('no bucket'));
    await world.clock.advance(15_000);
    expect(await world.push(ofJob)).toBe(429);
    expect(world.told().filter((line) => line.startsWith('control'))).toEqual([
      'control is no JSON',
      'control cannot be read: no bucket',
    ]);
    world.store.fail(undefined);
    world.store.objects.set('control.json', JSON.stringify({ rules: [pauseAcme] }));
    await world.clock.advance(5000);
    expect(world.told()).toContain('control 1');
  });

  test('that is removed stops nothing', async () => {
    const world = await setUp();
    await world.control(pauseAcme);
    world.store.objects.clear();
    await world.clock.advance(5000);
    expect(await world.push(ofJob)).toBe(204);
  });

  test('is read before it decides, where it was read too long ago', async () => {
    const world = await setUp();
    world.processor.close();
    await world.clock.advance(60_000);
    world.store.objects.set('control.json', JSON.stringify({ rules: [cancelJob] }));
    const delivering = world.start(ofJob);
    await world.clock.advance(0);
    expect(delivering.status).toBe(204);
    expect(world.results()).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test('that does not come in two seconds holds no message longer', async () => {
    const store = createMemoryStore();
    const hanging = { ...store, read: () => new Promise<never>(() => undefined) };
    const world = await startProcessorWorld({ store: hanging });
    await world.clock.advance(60_000);
    expect(await world.push(ofJob)).toBe(204);
  });

  test('is not read where there is no store, and no timer is left when it is closed', async () => {
    const without = await startProcessorWorld();
    expect(await without.push(ofJob)).toBe(204);
    const world = await setUp();
    world.processor.close();
    await world.clock.advance(10_000);
    expect(world.clock.pendingTimers()).toBe(0);
  });
});
