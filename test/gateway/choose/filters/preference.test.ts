import fc from 'fast-check';
import { expect, test } from 'vitest';
import { preferred } from '../../../../gateway/choose/filters/preference.ts';
import type { Endpoint } from '../../../../gateway/endpoint/endpoint.ts';
import { openAttempt } from '../../../support/attempts.ts';
import { ends, poolOf } from '../../../support/pools.ts';

const hosts = (endpoints: readonly Endpoint[]) => endpoints.map(({ host }) => host[0]).join('');
const hold = (endpoint: Endpoint, count: number, nowMs = 0) => {
  for (let held = 0; held < count; held += 1) openAttempt(endpoint, nowMs);
};
const load = { running: 0, waiting: 0, kvCacheUtilization: 0 };

test('healthy and started endpoints are all preferred', () => {
  const { pool } = poolOf('a', 'b', 'c');
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
});

test('an endpoint that failed just now is chosen only where no other has room', () => {
  const { pool, endpoint, clock } = poolOf('a', 'b');
  ends(endpoint('a'), 'failed', 1);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('b');
  expect(hosts(preferred([endpoint('a')], 'm', true))).toBe('a');
  ends(endpoint('b'), 'failed', 1);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('ab');
  clock.nowMs = 250;
  ends(endpoint('b'), 'failed', 1);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('a');
});

test('the next request goes to an endpoint that is due to be probed, and no second one does', () => {
  const { pool, endpoint, clock } = poolOf('a', 'b', 'c');
  ends(endpoint('a'), 'failed', 5);
  clock.nowMs = 2000;
  expect(hosts(preferred(pool.usable, 'm', true))).toBe('a');
  endpoint('a').health.sent();
  expect(hosts(preferred(pool.usable, 'm', true))).toBe('bc');
});

test('a request that has failed once probes no endpoint, unless there is no other', () => {
  const { pool, endpoint, clock } = poolOf('a', 'b');
  ends(endpoint('a'), 'failed', 5);
  clock.nowMs = 10_000;
  expect(hosts(preferred(pool.usable, 'm', false))).toBe('b');
  expect(hosts(preferred([endpoint('a')], 'm', false))).toBe('a');
});

test('an endpoint that starts has its share of what others hold, and more only where no other has room', () => {
  const { pool, replace, endpoint, clock } = poolOf('a', 'b');
  replace('a', 'b', 'c');
  hold(endpoint('a'), 10);
  hold(endpoint('b'), 6);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
  hold(endpoint('c'), 1);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('ab');
  expect(hosts(preferred([endpoint('c')], 'm', true))).toBe('c');
  clock.nowMs = 1000;
  hold(endpoint('c'), 2, clock.nowMs);
  clock.nowMs = 5000;
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
  hold(endpoint('c'), 1, clock.nowMs);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('ab');
  clock.nowMs = 10_000;
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
});

test('fast answers are no way around the slow start: its share of the rate counts too', () => {
  const { pool, replace, endpoint, clock } = poolOf('a');
  replace('a', 'b');
  let newcomers = 0;
  for (let request = 0; request < 1000; request += 1) {
    clock.nowMs += 5;
    const [first, second] = preferred(pool.endpoints, 'm', true);
    const chosen = second ?? first;
    if (chosen === endpoint('b')) newcomers += 1;
    if (chosen) ends(chosen, 'well', 1);
  }
  expect(newcomers).toBeGreaterThan(50);
  expect(newcomers).toBeLessThan(400);
});

test('where all endpoints start there is none to compare with, and all are preferred', () => {
  const { pool, replace, endpoint } = poolOf('a');
  replace('a', 'b', 'c');
  replace('b', 'c');
  hold(endpoint('b'), 50);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('bc');
});

test('of the endpoints with room, those that hold the LoRA adapter in memory are preferred', () => {
  const { pool, endpoint } = poolOf('a', 'b', 'c');
  endpoint('a').recordLoad({ ...load, adapters: new Set(['other']) });
  endpoint('b').recordLoad({ ...load, adapters: new Set(['lora', 'other']) });
  expect(hosts(preferred(pool.endpoints, 'lora', true))).toBe('b');
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
  expect(hosts(preferred([endpoint('a'), endpoint('c')], 'lora', true))).toBe('ac');
  ends(endpoint('b'), 'failed', 1);
  expect(hosts(preferred(pool.endpoints, 'lora', true))).toBe('ac');
});

test('some are always preferred where there are any, whatever their state', () => {
  const state = fc.constantFrom('well', 'failed', 'ejected', 'starting', 'loaded', 'held');
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), fc.nat(12_000), fc.boolean(), (states, ms, first) => {
      const names = [...'abcdef'].slice(0, states.length);
      const { pool, endpoint, clock } = poolOf(...names);
      for (const [index, name] of names.entries()) {
        const each = endpoint(name);
        if (states[index] === 'failed') ends(each, 'failed', 2);
        if (states[index] === 'ejected') ends(each, 'failed', 5);
        if (states[index] === 'starting') each.health.startSlowly();
        if (states[index] === 'loaded') each.recordLoad({ ...load, adapters: new Set(['m']) });
        if (states[index] === 'held') hold(each, 3);
      }
      clock.nowMs = ms;
      const chosen = preferred(pool.usable, 'm', first);
      expect(chosen.length > 0).toBe(pool.usable.length > 0);
      for (const each of chosen) expect(pool.usable).toContain(each);
    }),
  );
});
