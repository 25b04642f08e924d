import { describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../functions/processor/call/answer.ts';
import {
  answering,
  holding,
  startProcessorWorld,
  type WorldOptions,
  type WorldPush,
  wallStartMs,
} from './processor-world.ts';

const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };
const unreachable: CallEnd = { end: 'unreachable', message: 'ECONNREFUSED' };
const chat = '/v1/chat/completions';
const called = ['judged dispatch free', `call ${chat}`];

describe('a request’s life, told in this order and nothing else', () => {
  const rows: [string, readonly CallEnd[], WorldPush, readonly string[], WorldOptions?][] = [
    [
      'success',
      [answering(200)],
      {},
      [...called, 'called success', 'publish results', 'answered succeeded 1', 'delivered 204'],
    ],
    [
      'the request’s own error',
      [answering(422)],
      {},
      [...called, 'called final', 'publish results', 'answered failed 1', 'delivered 204'],
    ],
    ['retry', [broken], {}, [...called, 'called failure', 'publish retries', 'retried 1', 'delivered 204']],
    [
      'no room, then success',
      [answering(429), answering(200)],
      {},
      [
        ...called,
        'called capacity',
        'judged wait shed',
        'read open',
        ...called,
        'called success',
        'publish results',
        'answered succeeded 1',
        'delivered 204',
      ],
    ],
    [
      'no room for as long as it may wait',
      Array.from({ length: 20 }, () => answering(429, '', { 'retry-after': '60' })),
      {},
      [
        ...called,
        'called capacity',
        'judged wait shed',
        'judged defer shed',
        'given back 429 shed',
        'read open',
        'delivered 429',
      ],
      { settings: { maxWaitMs: 8000 } },
    ],
    [
      'the last attempt, with its dead letter',
      [answering(500)],
      { attributes: { attempt: '4' } },
      [...called, 'called failure', 'publish dead', 'publish results', 'answered failed 5', 'delivered 204'],
    ],
    [
      'a message that can never succeed',
      [],
      { data: { id: 'x', payload: 5 } },
      ['publish dead', 'publish results', 'answered invalid 0', 'delivered 204'],
    ],
    [
      'a message that is too late',
      [],
      { data: { deadline: wallStartMs / 1000 - 1, payload: { messages: [] } } },
      ['publish results', 'answered expired 0', 'delivered 204'],
    ],
    [
      'a retry that comes too early',
      [],
      { subscription: 'retries', attributes: { attempt: '1', retry_at: String(wallStartMs / 1000 + 60) } },
      ['judged wait too-early', 'judged defer too-early', 'given back 429 too-early', 'read open', 'delivered 429'],
    ],
    [
      'a retry that comes in time and has to wait',
      [answering(200)],
      { subscription: 'retries', attributes: { attempt: '1', retry_at: String(wallStartMs / 1000 + 3) } },
      [
        'judged wait too-early',
        ...called,
        'called success',
        'publish results',
        'answered succeeded 2',
        'delivered 204',
      ],
    ],
    [
      'no gateway',
      [unreachable],
      {},
      [...called, 'called unreachable', 'given back 503 ECONNREFUSED', 'delivered 503'],
    ],
    [
      'the operator’s error',
      [answering(401)],
      {},
      [...called, 'called operators-error', 'given back 503 the gateway answered 401', 'delivered 503'],
    ],
    [
      'no credential',
      [],
      {},
      ['judged dispatch free', 'no credential', 'given back 503 no credential for the gateway', 'delivered 503'],
      { credential: () => Promise.reject(new Error('no metadata server')) },
    ],
    [
      'no time for a call',
      [],
      {},
      ['judged dispatch free', 'given back 429 no time is left for a call', 'delivered 429'],
      { settings: { ackDeadlineMs: 20_000 } },
    ],
  ];
  test.each(rows)('%s', async (_, ends, push, expected, options = {}) => {
    const world = await startProcessorWorld(options);
    world.play((_call, index) => ends[index] ?? answering(200));
    await world.push(push);
    expect(world.told()).toEqual(expected);
    expect(world.calls.length).toBeLessThanOrEqual(Math.max(ends.length, 1));
    expect([world.pool.inFlight, world.clock.pendingTimers()]).toEqual([0, 0]);
  });
});

describe('a wall clock that is set changes nothing of what a processor does', () => {
  const hourMs = 3_600_000;
  /** A day in a processor's life: success, gate closed for a while, sheds, an outage with its probes, failures, a pool that idles. */
  async function live(stepMs: number, stepAfter: number): Promise<readonly string[]> {
    let saturation = 0;
    const world = await startProcessorWorld({
      source: async () => ({ source: 'x', saturation, ageMs: 0 }),
      settings: { maxWaitMs: 40_000 },
    });
    const told: string[] = [];
    let turn = 0;
    const next = async (ends: readonly CallEnd[], ms: number, atOnce = 1): Promise<void> => {
      if (turn === stepAfter) world.clock.step(stepMs);
      turn += 1;
      world.play((_call, index) => ends[index % ends.length]!);
      for (let push = 0; push < atOnce; push += 1) world.start();
      await world.clock.advance(ms);
      told.push(`turn ${turn}`, ...world.told());
    };
    await next([answering(200)], 3000, 3);
    saturation = 1;
    await next([answering(200)], 5000);
    await next([answering(200)], 5000, 2);
    saturation = 0.8;
    await next([answering(200)], 20_000);
    saturation = 0.1;
    await next([answering(200)], 20_000, 4);
    await next([answering(429, '', { 'retry-after': '7' }), answering(200)], 30_000, 3);
    await next([unreachable], 30_000, 8);
    await next([unreachable], 10_000);
    await next([answering(200)], 40_000, 2);
    await next([broken, answering(200)], 5000, 4);
    await next([answering(200)], 60_000);
    await next([answering(200)], 5000, 3);
    world.processor.close();
    await world.clock.advance(0);
    expect([world.pool.inFlight, world.clock.pendingTimers()]).toEqual([0, 0]);
    return told;
  }
  test.each([hourMs, -hourMs])('by %i ms, at any time', async (stepMs) => {
    const undisturbed = await live(0, 0);
    for (const event of ['wait saturated', 'wait shed', 'wait limit', 'breaker opens', 'breaker closes', 'retried']) {
      expect(undisturbed.join('\n')).toContain(event);
    }
    for (let stepAfter = 0; stepAfter < 12; stepAfter += 1) expect(await live(stepMs, stepAfter)).toEqual(undisturbed);
  });

  test('nothing is dispatched twice, and a call keeps its time', async () => {
    const world = await startProcessorWorld({ settings: { requestTimeoutMs: 30_000 } });
    const held = holding();
    world.play(held.script);
    const delivering = world.start();
    await world.clock.advance(1000);
    world.clock.step(-hourMs);
    await world.clock.advance(2500);
    held.end(answering(200));
    await delivering.ended;
    expect(world.calls.map(({ timeoutMs }) => timeoutMs)).toEqual([30_000]);
    const result = JSON.parse(Buffer.from(world.on('results')[0]!.data).toString());
    expect(result.timings).toEqual({ queued_ms: 0, inference_ms: 3500 });
  });
});

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
  test('a connection that is lost before the work begins stops it', async () => {
    const world = await startProcessorWorld();
    world.start().hangUp();
    await world.clock.advance(1000);
    expect(world.calls).toEqual([]);
    expect(world.told()).toEqual(['given back 503 aborted', 'delivered 499']);
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
