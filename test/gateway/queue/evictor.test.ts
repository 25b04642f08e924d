import { expect, test } from 'vitest';
import type { Attempt } from '../../../gateway/endpoint/attempt.ts';
import { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import { Evictor } from '../../../gateway/queue/evictor.ts';
import { type AttemptWish, openAttempt } from '../../support/attempts.ts';
import { type ItemWish, queueItemOf } from '../../support/queue-items.ts';

/** An endpoint without a free place, on which the wished requests run, and one that waits. */
function setUp(wishes: readonly (AttemptWish & { chunks?: number })[], { full = true } = {}) {
  const clock = { nowMs: -60 };
  const options = { nowMs: () => clock.nowMs, staleAfterMs: 1e9, onUsableChange: () => {} };
  const endpoint = new Endpoint({ url: 'http://a:1', labels: {} }, options);
  const evicted: number[] = [];
  for (const [index, { chunks = 0, ...wish }] of wishes.entries()) {
    const onEvict = () => {
      evicted.push(index);
      attempt.end('abandoned', clock.nowMs);
    };
    const attempt: Attempt = openAttempt(endpoint, clock.nowMs, { ...wish, onEvict });
    if (chunks > 0) attempt.firstByte(200, 0, clock.nowMs);
    for (let chunk = 0; chunk < chunks; chunk += 1) attempt.chunk(clock.nowMs);
  }
  clock.nowMs = 0;
  for (const waiting of full ? [1, 1, 0] : [0]) {
    endpoint.recordLoad({ running: wishes.length, waiting, kvCacheUtilization: 0 });
  }
  const evictor = new Evictor({ nowMs: () => clock.nowMs, servers: ({ model }) => (model === 'm' ? [endpoint] : []) });
  const open = () => openAttempt(endpoint, clock.nowMs);
  return { clock, endpoint, evictor, evicted, open };
}

const urgent = () => queueItemOf({ ttftSloMs: 400 });

test('a quarter of the promised TTFT is waited for, then the one with the least progress goes', () => {
  const { clock, evictor, evicted } = setUp([
    { priority: -1, chunks: 9 },
    { priority: -1, chunks: 2 },
    { priority: 0, chunks: 0 },
  ]);
  const item = urgent();
  expect([evictor.dueInMs(item), evictor.makeRoom(item)]).toEqual([100, false]);
  clock.nowMs = 100;
  expect([evictor.dueInMs(item), evictor.makeRoom(item)]).toEqual([0, true]);
  expect(evicted).toEqual([1]);
});

test('one request has others stopped for it no more often than every 100 ms', () => {
  const { clock, evictor, evicted, open } = setUp(Array.from({ length: 9 }, () => ({ priority: -1 })));
  const item = urgent();
  clock.nowMs = 200;
  expect(evictor.makeRoom(item)).toBe(true);
  // Another took the place.
  open();
  expect(evictor.makeRoom(item)).toBe(false);
  expect(evictor.dueInMs(item)).toBe(100);
  clock.nowMs = 300;
  expect(evictor.makeRoom(item)).toBe(true);
  expect(evicted).toEqual([0, 1]);
});

test('as many are stopped as stand before the engine’s places, and none where that would not do', () => {
  const { clock, endpoint, evictor, evicted, open } = setUp(Array.from({ length: 4 }, () => ({ priority: -1 })));
  clock.nowMs = 200;
  for (let other = 0; other < 2; other += 1) open();
  expect(evictor.makeRoom(urgent())).toBe(true);
  expect(evicted).toEqual([0, 1, 2]);
  for (let other = 0; other < 3; other += 1) open();
  expect([endpoint.load, evictor.makeRoom(urgent())]).toEqual([6, false]);
});

test.each<[string, AttemptWish[], ItemWish, boolean]>([
  ['for sheddable work', [{ priority: -2 }], { priority: -1 }, true],
  ['where no sheddable work runs', [{ priority: 0 }], { priority: 100 }, true],
  ['where the engine has a place', [{ priority: -1 }], { priority: 0 }, false],
  ['for another model', [{ priority: -1 }], { priority: 0, model: 'other' }, true],
])('no request is stopped %s', (_, running, wish, full) => {
  const { clock, evictor, evicted } = setUp(running, { full });
  clock.nowMs = 10_000;
  const item = queueItemOf(wish);
  expect([evictor.dueInMs(item), evictor.makeRoom(item)]).toEqual([undefined, false]);
  expect(evicted).toEqual([]);
});
