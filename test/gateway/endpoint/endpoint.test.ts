import { expect, test } from 'vitest';
import { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import { type AttemptWish, openAttempt } from '../../support/attempts.ts';

function setUp() {
  const clock = { nowMs: 0 };
  const changes: boolean[] = [];
  const address = { url: 'http://10.0.0.7/base', labels: {} };
  const endpoint: Endpoint = new Endpoint(address, {
    nowMs: () => clock.nowMs,
    staleAfterMs: 1000,
    onUsableChange: () => changes.push(endpoint.usable),
  });
  const open = (wish: AttemptWish = {}) => openAttempt(endpoint, clock.nowMs, wish);
  return { clock, endpoint, changes, open };
}

test.each([
  ['http://10.0.0.7:8000', 'http://10.0.0.7:8000', '', '10.0.0.7:8000'],
  ['http://10.0.0.7/base', 'http://10.0.0.7', '/base', '10.0.0.7:80'],
  ['https://models.example', 'https://models.example', '', 'models.example:443'],
  ['http://[::1]:8000', 'http://[::1]:8000', '', '[::1]:8000'],
])('%s is reached at %s under "%s" and named %s', (url, origin, basePath, host) => {
  const endpoint = new Endpoint({ url, labels: {} }, { nowMs: () => 0, staleAfterMs: 1, onUsableChange: () => {} });
  expect([endpoint.origin, endpoint.basePath, endpoint.host]).toEqual([origin, basePath, host]);
});

test('the load is the gateway’s own requests now, and those of others at the reading', () => {
  const { endpoint, open } = setUp();
  const mine = open();
  endpoint.recordLoad({ running: 4, waiting: 2, kvCacheUtilization: 0.4 });
  expect(endpoint.load).toBe(6);
  open();
  expect(endpoint.load).toBe(7);
  mine.end('abandoned', 0);
  expect(endpoint.load).toBe(6);
});

test('a reading that is stale, or older than a refused connection, counts as none', () => {
  const { clock, endpoint, changes } = setUp();
  endpoint.recordLoad({ running: 4, waiting: 3, kvCacheUtilization: 0.4 });
  clock.nowMs = 1000;
  expect([endpoint.waiting, endpoint.load]).toEqual([3, 7]);
  clock.nowMs = 1001;
  expect([endpoint.waiting, endpoint.load, endpoint.kvCacheUtilization, endpoint.saturation]).toEqual([0, 0, 0, 0]);
  endpoint.recordLoad({ running: 4, waiting: 3, kvCacheUtilization: 0.4 });
  endpoint.recordRefused();
  expect([endpoint.usable, endpoint.reading]).toEqual([false, undefined]);
  endpoint.recordAnswered();
  expect([endpoint.usable, endpoint.reading]).toEqual([true, undefined]);
  expect(changes).toEqual([false, true]);
});

test('requests that were sent since the reading count as waiting where some waited, and as running where none did', () => {
  const { endpoint, open } = setUp();
  endpoint.recordLoad({ running: 1, waiting: 0, kvCacheUtilization: 0.2 });
  for (let sent = 0; sent < 10; sent += 1) open();
  expect(endpoint.saturation).toBe(0.25);
  endpoint.recordLoad({ running: 8, waiting: 2, kvCacheUtilization: 0.2 });
  expect(endpoint.saturation).toBe(0.4);
  for (let sent = 0; sent < 5; sent += 1) open();
  expect(endpoint.saturation).toBe(1.4);
});

test('the real-time saturation leaves out the waiting and the share of the cache of sheddable work', () => {
  const { endpoint, open } = setUp();
  for (let sent = 0; sent < 6; sent += 1) open({ priority: -1 });
  for (let sent = 0; sent < 2; sent += 1) open();
  endpoint.recordLoad({ running: 4, waiting: 4, kvCacheUtilization: 0.8 });
  expect(endpoint.saturation).toBe(1);
  expect(endpoint.realtimeSaturation).toBe(0.25);
});

test('without a reading the gateway’s own counts serve', () => {
  const { endpoint, open } = setUp();
  for (let sent = 0; sent < 8; sent += 1) open({ priority: -1 });
  open();
  expect([endpoint.load, endpoint.saturation, endpoint.realtimeSaturation]).toEqual([9, 9 / 16, 1 / 16]);
  expect(endpoint.sheddableWindow).toBe(16);
});

test('it serves every model until its list is known', () => {
  const { endpoint } = setUp();
  expect(endpoint.serves('any')).toBe(true);
  endpoint.recordModels(new Map([['m', {}]]));
  expect([endpoint.serves('m'), endpoint.serves('any')]).toEqual([true, false]);
  endpoint.recordModels(undefined);
  expect(endpoint.serves('any')).toBe(true);
});

test('a reading counts as long as it is told to, and never shorter than the pool says', () => {
  const { clock, endpoint } = setUp();
  const load = { running: 1, waiting: 0, kvCacheUtilization: 0 };
  endpoint.recordLoad(load, 2800);
  clock.nowMs = 2800;
  expect(endpoint.reading).toBeDefined();
  clock.nowMs = 2801;
  expect(endpoint.reading).toBeUndefined();
  endpoint.recordLoad(load, 1);
  clock.nowMs += 1000;
  expect(endpoint.reading).toBeDefined();
});

test('LoRA adapters that were used stay loaded while there are slots for them; pages name only those in use', () => {
  const { endpoint } = setUp();
  const uses = (...names: string[]) =>
    endpoint.recordLoad({ running: 1, waiting: 0, kvCacheUtilization: 0, adapters: new Set(names), adapterSlots: 2 });
  const loaded = () => ['a', 'b', 'c', 'd'].filter((name) => endpoint.hasLoaded(name));
  uses('a');
  uses('b');
  uses();
  expect(loaded()).toEqual(['a', 'b']);
  uses('a', 'c');
  expect(loaded()).toEqual(['a', 'c']);
  uses('d');
  expect(loaded()).toEqual(['c', 'd']);
  endpoint.recordRefused();
  uses();
  expect(loaded()).toEqual([]);
});
