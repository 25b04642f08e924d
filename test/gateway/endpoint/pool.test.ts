import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { openAttempt } from '../../support/attempts.ts';
import { ends, poolOf } from '../../support/pools.ts';

const names = ['a', 'b', 'c', 'd', 'e'];

test.each([
  [1, 0],
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 2],
])('of %i endpoints that fail one after the other at most %i are ejected', (size, most) => {
  const { pool, endpoint } = poolOf(...names.slice(0, size));
  for (const name of names.slice(0, size)) ends(endpoint(name), 'failed', 5);
  expect(pool.usable).toHaveLength(size - most);
});

test('an endpoint that stays has its new labels, and all that was learned of it', () => {
  const { pool, endpoint } = poolOf('a');
  const before = endpoint('a');
  pool.replace([{ url: before.url, labels: { zone: 'b' } }]);
  expect([pool.endpoints, before.labels]).toEqual([[before], { zone: 'b' }]);
});

test('a miss beside sheddable work on one endpoint leaves less for such work on all of them', () => {
  const { pool, endpoint } = poolOf('a', 'b');
  openAttempt(endpoint('a'), 0, { priority: -1 });
  const before = endpoint('b').limiter.sloBudgetFactor;
  endpoint('a').limiter.recordLatency({ ttftMs: 100, tpotMs: 50, missBudget: 0.01 }, { ttftMs: 500 });
  expect(endpoint('b').limiter.sloBudgetFactor).toBeLessThan(before);
  pool.replace([{ url: 'http://c:8000', labels: {} }]);
  expect(pool.endpoints[0]!.limiter.sloBudgetFactor).toBeLessThan(before);
});

test.each([
  ['the longest of those that say', [{ max_model_len: 4096 }, { max_model_len: 32_768 }, {}], 32_768],
  ['none says', [{}, null], undefined],
  ['no number', [{ max_model_len: 'long' }, { max_model_len: -1 }], undefined],
])('the longest context of a model: %s', (_, entries, expected) => {
  const { pool, endpoint } = poolOf('a', 'b', 'c');
  for (const [index, entry] of entries.entries()) {
    pool.recordModels(endpoint(['a', 'b', 'c'][index]!), new Map([['m', entry]]));
  }
  expect([pool.contextTokens('m'), pool.contextTokens('other')]).toEqual([expected, undefined]);
});

test('the longest context does not depend on the order of the endpoints', () => {
  const { pool, endpoint } = poolOf('a', 'b');
  for (const [name, tokens] of Object.entries({ a: 8192, b: 4096 })) {
    pool.recordModels(endpoint(name), new Map([['m', { max_model_len: tokens }]]));
  }
  expect(pool.contextTokens('m')).toBe(8192);
});

describe('which endpoints serve a model', () => {
  /** `a` has one, `b` both, `c` two. */
  function withModels() {
    const world = poolOf('a', 'b', 'c');
    const { pool, endpoint } = world;
    for (const [name, models] of Object.entries({ a: ['one'], b: ['one', 'two'], c: ['two'] })) {
      pool.recordModels(endpoint(name), new Map(models.map((model) => [model, { of: name }])));
    }
    const hosts = (model: string, exceptFor?: string) =>
      pool.servers({ model }, exceptFor === undefined ? undefined : endpoint(exceptFor)).map(({ host }) => host[0]);
    return { ...world, hosts };
  }

  test('those that have it and are usable; the one where it failed only if there is no other', () => {
    const { pool, endpoint, hosts } = withModels();
    expect([hosts('one'), hosts('two'), hosts('three')]).toEqual([['a', 'b'], ['b', 'c'], []]);
    expect([hosts('one', 'a'), hosts('one', 'c')]).toEqual([['b'], ['a', 'b']]);
    expect([
      pool.canServe({ model: 'one' }),
      pool.canServe({ model: 'one' }, endpoint('a')),
      pool.canServe({ model: 'three' }),
    ]).toEqual([true, true, false]);
    endpoint('b').recordRefused();
    expect([hosts('one'), hosts('one', 'a'), hosts('two')]).toEqual([['a'], ['a'], ['c']]);
    expect([pool.canServe({ model: 'one' }, endpoint('a')), pool.canServe({ model: 'two' }, endpoint('c'))]).toEqual([
      false,
      false,
    ]);
    endpoint('a').recordRefused();
    expect([hosts('one'), pool.canServe({ model: 'one' })]).toEqual([[], false]);
  });

  test('the list of models is the union of the usable ones, the first entry of each', () => {
    const { pool, endpoint } = withModels();
    expect([...pool.models]).toEqual([
      ['one', { of: 'a' }],
      ['two', { of: 'b' }],
    ]);
    endpoint('a').recordRefused();
    endpoint('c').recordRefused();
    expect([...pool.models]).toEqual([
      ['one', { of: 'b' }],
      ['two', { of: 'b' }],
    ]);
    endpoint('b').recordRefused();
    expect([...pool.models]).toEqual([]);
  });

  test('a model is unknown only when every list is known and none ever had it', () => {
    const { pool, endpoint, replace } = withModels();
    expect([pool.knowsNothingOf('one'), pool.knowsNothingOf('three')]).toEqual([false, true]);
    pool.recordModels(endpoint('a'), undefined);
    expect(pool.knowsNothingOf('three'), 'one list is not known').toBe(false);
    pool.recordModels(endpoint('a'), new Map());
    pool.recordModels(endpoint('b'), new Map());
    expect([pool.knowsNothingOf('one'), pool.knowsNothingOf('three')], 'it was there once').toEqual([false, true]);
    replace('c');
    expect(pool.knowsNothingOf('one')).toBe(false);
  });

  test('ten thousand models are remembered', () => {
    const { pool, endpoint } = poolOf('a');
    const names = Array.from({ length: 10_001 }, (_, index) => `m${index}`);
    pool.recordModels(endpoint('a'), new Map(names.map((name) => [name, {}])));
    pool.recordModels(endpoint('a'), new Map());
    expect([pool.knowsNothingOf('m9999'), pool.knowsNothingOf('m10000')]).toEqual([false, true]);
  });
});

test('saturation is the mean of usable endpoints, with sheddable work and without', () => {
  const { pool, endpoint } = poolOf('a', 'b');
  vi.spyOn(endpoint('a'), 'saturation', 'get').mockReturnValue(0.6);
  vi.spyOn(endpoint('b'), 'saturation', 'get').mockReturnValue(0.2);
  vi.spyOn(endpoint('a'), 'realtimeSaturation', 'get').mockReturnValue(0.4);
  vi.spyOn(endpoint('b'), 'realtimeSaturation', 'get').mockReturnValue(0.1);
  expect([pool.saturation, pool.realtimeSaturation].map((value) => value.toFixed(2))).toEqual(['0.40', '0.25']);
  endpoint('b').recordRefused();
  expect([pool.saturation, pool.realtimeSaturation]).toEqual([0.6, 0.4]);
  endpoint('a').recordRefused();
  expect([pool.saturation, pool.realtimeSaturation]).toEqual([1, 1]);
});

test('one that comes is taken to run as many requests as the others were seen to run', () => {
  const { replace, endpoint } = poolOf('a', 'b', 'c');
  for (const name of ['a', 'b', 'c']) vi.spyOn(endpoint(name).limiter.places, 'shown', 'get').mockReturnValue(20);
  replace('a', 'b', 'c', 'd');
  expect(endpoint('d').limiter.places.count).toBe(20);
});

test('where every endpoint fails half of what it is sent, none is ejected for it', () => {
  const { pool, endpoint } = poolOf('a', 'b');
  for (let round = 0; round < 20; round += 1) {
    for (const name of ['a', 'b']) {
      ends(endpoint(name), 'failed', 1);
      ends(endpoint(name), 'well', 1);
    }
  }
  expect(pool.usable).toHaveLength(2);
});

test('one that fails a third of what it is sent, beside one that is well, is ejected', () => {
  const { endpoint } = poolOf('a', 'b');
  ends(endpoint('b'), 'well', 20);
  for (let round = 0; round < 4; round += 1) {
    ends(endpoint('a'), 'well', 2);
    ends(endpoint('a'), 'failed', 1);
  }
  expect([endpoint('a').condition, endpoint('b').condition]).toEqual(['ejected', 'ready']);
});

test('the last that takes connections is not ejected, nor the last that has a model', () => {
  const refused = poolOf('a', 'b');
  refused.endpoint('a').recordRefused();
  ends(refused.endpoint('b'), 'failed', 9);
  expect(refused.endpoint('b').usable).toBe(true);
  const unauthorized = poolOf('a', 'b');
  unauthorized.endpoint('a').recordAuthorized(false);
  ends(unauthorized.endpoint('b'), 'failed', 9);
  expect(unauthorized.endpoint('b').usable).toBe(true);
  const models = poolOf('a', 'b', 'c');
  for (const [name, model] of Object.entries({ a: 'one', b: 'two', c: 'two' })) {
    models.pool.recordModels(models.endpoint(name), new Map([[model, {}]]));
  }
  ends(models.endpoint('c'), 'well', 20);
  ends(models.endpoint('a'), 'failed', 9);
  ends(models.endpoint('b'), 'failed', 9);
  expect([models.endpoint('a').usable, models.endpoint('b').usable]).toEqual([true, false]);
});

test('a pool that shrinks takes back those that it can no longer spare', () => {
  const { pool, replace, endpoint, clock } = poolOf(...names);
  ends(endpoint('a'), 'failed', 5);
  clock.nowMs = 10;
  ends(endpoint('b'), 'failed', 5);
  replace('a', 'b', 'c');
  expect(pool.usable.map(({ host }) => host)).toEqual(['a:1', 'c:1']);
  replace('b');
  expect(pool.usable.map(({ host }) => host)).toEqual(['b:1']);
});

test('an endpoint that has left is told of no more, and counts in no pool', () => {
  const { changes, replace, endpoint } = poolOf('a', 'b', 'c');
  const gone = endpoint('a');
  replace('b', 'c');
  ends(gone, 'failed', 9);
  expect(gone.usable, 'it is spared for no pool').toBe(true);
  gone.recordRefused();
  expect(changes).toEqual([]);
  ends(endpoint('b'), 'failed', 5);
  expect(changes).toEqual([['b:1', 'ejected']]);
});

test('one that is removed and added again begins anew, beside what the old one still holds', () => {
  const { pool, replace, endpoint } = poolOf('a', 'b');
  const old = endpoint('a');
  const attempt = openAttempt(old, 0);
  replace('b');
  replace('a', 'b');
  expect(endpoint('a')).not.toBe(old);
  attempt.end('broken', 0);
  expect([endpoint('a').condition, pool.usable.length]).toEqual(['starting', 2]);
});

test('those that come to others start slowly, as do those that come back; the first ones do not', () => {
  const { replace, endpoint, clock } = poolOf('a', 'b');
  const conditions = () => ['a', 'b', 'c'].map((name) => endpoint(name).condition);
  replace('a', 'b', 'c');
  expect(conditions()).toEqual(['ready', 'ready', 'starting']);
  clock.nowMs = 10_000;
  endpoint('b').recordRefused();
  expect(conditions()).toEqual(['ready', 'refuses', 'ready']);
  endpoint('b').recordAnswered();
  expect(conditions()).toEqual(['ready', 'starting', 'ready']);
});

test('any events: at most half of the pool is ejected', () => {
  const act = fc.constantFrom('failed', 'timed_out', 'well', 'sick', 'refused', 'answered', 'wait', 'leave', 'come');
  fc.assert(
    fc.property(fc.array(fc.tuple(act, fc.constantFrom(...names), fc.nat(8)), { maxLength: 60 }), (steps) => {
      const world = poolOf(...names);
      let members = [...names];
      for (const [name, who, times] of steps) {
        if (name === 'wait') world.clock.nowMs += times * 500;
        if (name === 'leave' || name === 'come') {
          members = members.filter((member) => member !== who || name === 'come');
          if (name === 'come' && !members.includes(who)) members.push(who);
          world.replace(...members);
        }
        if (!members.includes(who)) continue;
        const endpoint = world.endpoint(who);
        if (name === 'failed' || name === 'timed_out' || name === 'well') ends(endpoint, name, times);
        if (name === 'sick') for (let time = 0; time < times; time += 1) endpoint.health.recordHealth(false);
        if (name === 'refused') endpoint.recordRefused();
        if (name === 'answered') endpoint.recordAnswered();
        const ejected = world.pool.endpoints.filter(({ health }) => health.ejection);
        expect(ejected.length).toBeLessThanOrEqual(Math.floor(members.length / 2));
      }
    }),
  );
});
