import fc from 'fast-check';
import { expect, test } from 'vitest';
import { preferred } from '../../../../gateway/choose/filters/preference.ts';
import type { Endpoint } from '../../../../gateway/endpoint/endpoint.ts';
import { entryOf } from '../../../support/ledger-entries.ts';
import { ends, poolOf } from '../../../support/pools.ts';

const hosts = (endpoints: readonly Endpoint[]) => endpoints.map(({ host }) => host[0]).join('');
const hold = ({ ledger }: Endpoint, count: number) => {
  for (let held = 0; held < count; held += 1) ledger.open(entryOf('realtime'));
};
const load = { running: 0, waiting: 0, kvCacheUtilization: 0 };

test('healthy and started endpoints are all preferred', () => {
  const { pool } = poolOf('a', 'b', 'c');
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
});

test('one that failed just now only where no other has room', () => {
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

test('the next request goes to one that is due to be probed, and no second one', () => {
  const { pool, endpoint, clock } = poolOf('a', 'b', 'c');
  ends(endpoint('a'), 'failed', 5);
  clock.nowMs = 2000;
  expect(hosts(preferred(pool.usable, 'm', true))).toBe('a');
  endpoint('a').standing.send();
  expect(hosts(preferred(pool.usable, 'm', true))).toBe('bc');
});

test('a request that has failed once probes nobody, unless there is nobody else', () => {
  const { pool, endpoint, clock } = poolOf('a', 'b');
  ends(endpoint('a'), 'failed', 5);
  clock.nowMs = 10_000;
  expect(hosts(preferred(pool.usable, 'm', false))).toBe('b');
  expect(hosts(preferred([endpoint('a')], 'm', false))).toBe('a');
});

test('one that starts has its share of what others hold, and more only where no other has room', () => {
  const { pool, replace, endpoint, clock } = poolOf('a', 'b');
  replace('a', 'b', 'c');
  hold(endpoint('a'), 10);
  hold(endpoint('b'), 6);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
  hold(endpoint('c'), 1);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('ab');
  expect(hosts(preferred([endpoint('c')], 'm', true))).toBe('c');
  clock.nowMs = 5000;
  hold(endpoint('c'), 2);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('abc');
  hold(endpoint('c'), 1);
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
    chosen?.standing.send().end('well');
  }
  expect(newcomers).toBeGreaterThan(50);
  expect(newcomers).toBeLessThan(400);
});

test('where all start there is nobody to compare with', () => {
  const { pool, replace, endpoint } = poolOf('a');
  replace('a', 'b', 'c');
  replace('b', 'c');
  hold(endpoint('b'), 50);
  expect(hosts(preferred(pool.endpoints, 'm', true))).toBe('bc');
});

test('of those with room, the ones that hold the LoRA adapter in memory', () => {
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
        if (states[index] === 'starting') each.standing.startSlowly();
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
