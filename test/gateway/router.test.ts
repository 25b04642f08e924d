import { expect, test } from 'vitest';
import type { Refusal } from '../../gateway/refusal.ts';
import { type RouterWorldOptions, routerWorld, type SubmittedRequest } from '../support/router-world.ts';
import { type RequestWish, routingRequestOf } from '../support/routing-requests.ts';

/** Engines of which each runs `places` requests at once; readings are taken when asked. */
function setUp(places: number, options: RouterWorldOptions = {}) {
  const world = routerWorld(options);
  const { clock, router, submit } = world;
  const log: string[] = [];
  const running = new Map<string, { end(): void }>();
  const arrive = (name: string, wish: RequestWish = {}): 'placed' | 'waiting' => {
    const request: SubmittedRequest = submit(name, wish, (attempt) => {
      log.push(name);
      running.set(name, { end: () => attempt.end('complete', clock.now()) });
    });
    return request.routed?.running ? 'placed' : 'waiting';
  };
  router.subscribe({
    ended: ({ request: { id } }, { outcome }) => {
      running.delete(id);
      if (outcome === 'evicted') log.push(`${id} evicted`);
    },
  });
  /** After the step in which the last of them came. */
  const read = async () => {
    await clock.advance(60);
    for (const endpoint of router.pool.endpoints) {
      const own = endpoint.inFlight;
      endpoint.recordLoad({
        running: Math.min(own, places),
        waiting: Math.max(0, own - places),
        kvCacheUtilization: 0,
      });
    }
    router.pump();
  };
  return { ...world, log, arrive, read, running, pool: router.pool };
}

test('an engine’s queue stays short: what it cannot run waits in the gateway, and goes as places come', async () => {
  const { arrive, read, running, pool, router } = setUp(4);
  for (let index = 0; index < 6; index += 1) arrive(`a${index}`);
  await read();
  await read();
  for (let index = 0; index < 20; index += 1) arrive(`b${index}`);
  expect([pool.endpoints[0]?.inFlight, router.queueLengths.get(0)]).toEqual([6, 20]);
  running.get('a0')?.end();
  running.get('a1')?.end();
  expect(pool.endpoints[0]?.inFlight).toBe(5);
  expect(router.queueLengths.get(0)).toBe(19);
});

test('a real-time request that waits goes before every sheddable one, whichever came first', async () => {
  const { arrive, read, running, log } = setUp(2);
  for (let index = 0; index < 3; index += 1) arrive(`first${index}`);
  await read();
  await read();
  arrive('shed', { priority: -1 });
  arrive('real');
  arrive('high', { priority: 100 });
  log.length = 0;
  for (const name of ['first0', 'first1', 'first2']) running.get(name)?.end();
  expect(log.slice(0, 2)).toEqual(['high', 'real']);
});

test('sheddable work without a first token is stopped for a request that has waited a quarter of its TTFT', async () => {
  const { clock, arrive, read, log } = setUp(2);
  for (let index = 0; index < 3; index += 1) {
    arrive(`shed${index}`, { priority: -1 });
    await clock.advance(1);
  }
  await read();
  await read();
  log.length = 0;
  expect(arrive('real', { ttftSloMs: 400 })).toBe('waiting');
  await clock.advance(99);
  expect(log).toEqual([]);
  await clock.advance(1);
  // One that runs, and the one that stands in the engine's queue before it.
  expect(log).toEqual(['shed0 evicted', 'shed1 evicted', 'real']);
});

test('with room a request goes to the engine that has it', async () => {
  const { arrive, read, pool, running } = setUp(1, { endpoints: 'ab' });
  for (let index = 0; index < 4; index += 1) arrive(`a${index}`);
  await read();
  await read();
  expect(arrive('waits')).toBe('waiting');
  expect(pool.endpoints.map(({ inFlight }) => inFlight)).toEqual([2, 2]);
  const [one] = [...running.values()];
  one?.end();
  expect(running.has('waits')).toBe(true);
});

test('a request for a model that no endpoint serves waits until one comes', async () => {
  const { clock, arrive, pool, router, log } = setUp(4);
  pool.recordModels(pool.endpoints[0]!, new Map([['other', {}]]));
  expect(arrive('m')).toBe('waiting');
  await clock.advance(5000);
  pool.replace([...pool.endpoints, { url: 'http://new:1', labels: {} }]);
  router.pump();
  expect(log).toEqual(['m']);
});

test('a router that holds no queue sends every request to an engine at once', async () => {
  const { arrive, read, pool, router } = setUp(1, { holdsQueue: false });
  for (let index = 0; index < 4; index += 1) arrive(`a${index}`);
  await read();
  await read();
  expect([arrive('real'), arrive('shed', { priority: -1 })]).toEqual(['placed', 'placed']);
  expect([pool.endpoints[0]?.inFlight, [...router.queued]]).toEqual([6, []]);
});

test('requests and queue lengths are those of this moment', async () => {
  const { arrive, read, running, router } = setUp(1);
  for (const name of ['a', 'b']) arrive(name);
  await read();
  await read();
  arrive('waits', { priority: 100 });
  arrive('shed', { priority: -1 });
  const now = () => [[...router.requests].map(({ request }) => request.id), Object.fromEntries(router.queueLengths)];
  expect(now()).toEqual([['a', 'b', 'waits', 'shed'], { '-1': 1, 100: 1 }]);
  expect([...router.queued].map(({ request }) => request.id)).toEqual(['waits', 'shed']);
  running.get('a')?.end();
  expect(now()).toEqual([['b', 'waits', 'shed'], { '-1': 1, 100: 0 }]);
});

test.each<[string, RouterWorldOptions, RequestWish, number, number, Partial<Refusal>]>([
  [
    'sheddable work where none was placed',
    { sheddableWaitMs: 0 },
    { priority: -1 },
    0,
    0,
    { code: 'saturated', retryAfterSeconds: 30 },
  ],
  [
    'sheddable work of which one was placed just now',
    { sheddableWaitMs: 0 },
    { priority: -1 },
    1,
    0,
    // One within the ten seconds that a rate remembers.
    { code: 'saturated', retryAfterSeconds: 11 },
  ],
  [
    'sheddable work whose band is full with two, where two were placed just now',
    { maxQueued: 2 },
    { priority: -1 },
    2,
    2,
    { code: 'saturated', retryAfterSeconds: 16 },
  ],
  [
    'real-time work whose band is full, however many wait: it is placed as it comes',
    { maxQueued: 3 },
    { priority: 0 },
    0,
    3,
    { code: 'saturated', retryAfterSeconds: 1 },
  ],
  [
    'real-time work that waited in vain',
    { queueTimeoutMs: 1000 },
    { priority: 0 },
    0,
    2,
    { code: 'queue_timeout', retryAfterSeconds: 1 },
  ],
  [
    'sheddable work that waited in vain',
    { sheddableWaitMs: 1000 },
    { priority: -1 },
    2,
    0,
    // Two within ten seconds, of which a tenth has faded.
    { code: 'saturated', retryAfterSeconds: 6 },
  ],
])('when another try is worth it: %s', async (_, options, wish, placed, waiting, expected) => {
  const world = routerWorld(options);
  for (let index = 0; index < placed; index += 1) world.submit(`placed ${index}`, { priority: -1 });
  for (const name of ['a', 'b']) world.submit(name);
  await world.clock.advance(60);
  for (let reading = 0; reading < 2; reading += 1) world.read('a', 1, 1);
  const refusals: Refusal[] = [];
  const front = { dispatch: () => {}, stop: (refusal: Refusal) => refusals.push(refusal) };
  for (let index = 0; index < waiting; index += 1) world.submit(`waits ${index}`, wish);
  world.router.submit(routingRequestOf(wish), front);
  await world.clock.advance(1000);
  expect(refusals).toEqual([expect.objectContaining(expected)]);
});
