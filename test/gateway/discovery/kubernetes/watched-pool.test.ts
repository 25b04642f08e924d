import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PoolObjective } from '../../../../gateway/discovery/kubernetes/pool-objects.ts';
import { WatchedPool } from '../../../../gateway/discovery/kubernetes/watched-pool.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { ObjectStore, objectiveWith, podAt, poolWith } from '../../../support/kubernetes-objects.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

function setUp() {
  const clock = createManualClock(0);
  const [pools, newer, older] = [new ObjectStore(), new ObjectStore(), new ObjectStore()];
  const pods = new Map<string, ObjectStore>();
  const podsOf = (selector: string): ObjectStore => {
    const store = pods.get(selector) ?? new ObjectStore();
    pods.set(selector, store);
    return store;
  };
  const told: string[][] = [];
  let objectives: ReadonlyMap<string, PoolObjective> = new Map();
  const pool = new WatchedPool({
    name: 'p',
    clock,
    log: createLogger('silent', 'test'),
    sources: {
      pool: () => pools.source,
      pods: (selector) => podsOf(selector).source,
      objectives: () => [newer.source, older.source],
    },
    onAddresses: (addresses) => told.push(addresses.map(({ url }) => url.replace('http://', ''))),
    onObjectives: (all) => {
      objectives = all;
    },
  });
  return { clock, pools, newer, older, pods: podsOf('app=vllm'), podsOf, told, pool, objectives: () => objectives };
}

test('the pods of the pool, at the start and with every change', async () => {
  const { pools, pods, told, pool } = setUp();
  pools.put('p', poolWith(8000));
  pods.put('a', podAt('10.0.0.1'));
  pods.put('b', podAt('10.0.0.2', { ready: false }));
  await pool.start();
  expect(told).toEqual([['10.0.0.1:8000']]);
  pods.put('b', podAt('10.0.0.2'));
  pods.bookmark();
  pods.put('a', podAt('10.0.0.1', { terminating: true }));
  pods.remove('a');
  expect(told.slice(1)).toEqual([['10.0.0.1:8000', '10.0.0.2:8000'], ['10.0.0.2:8000']]);
  pool.close();
});

test('a pool that names another port or other pods; one that is gone has none', async () => {
  const { pools, pods, podsOf, told, pool, clock } = setUp();
  pods.put('a', podAt('10.0.0.1'));
  podsOf('app=other').put('b', podAt('10.0.0.2'));
  await pool.start();
  expect(told).toEqual([]);
  pools.put('p', poolWith(8000));
  await clock.advance(0);
  pools.put('p', poolWith(9000, 'other'));
  await clock.advance(0);
  // What is followed no more changes nothing.
  pods.put('c', podAt('10.0.0.3'));
  pools.remove('p');
  expect(told).toEqual([['10.0.0.1:8000'], ['10.0.0.2:9000'], []]);
  expect([pods.watching, podsOf('app=other').watching]).toEqual([0, 0]);
  pool.close();
});

test('objectives of both API groups, of two with one name the newer group’s; other pools’ are none of ours', async () => {
  const { newer, older, pool, objectives } = setUp();
  older.put('a', objectiveWith(1));
  older.put('b', objectiveWith(2, { 'backfill/ttft-ms': '900' }));
  older.put('c', objectiveWith(3, {}, 'other'));
  newer.put('a', objectiveWith(10));
  await pool.start();
  const priorities = () => Object.fromEntries([...objectives().values()].map(({ name, priority }) => [name, priority]));
  expect(priorities()).toEqual({ a: 10, b: 2 });
  expect(objectives().get('b')?.ttftMs).toBe(900);
  newer.remove('a');
  older.put('b', objectiveWith(-2));
  expect(priorities()).toEqual({ a: 1, b: -2 });
  pool.close();
});

test('an API group that is not there, and one that is forbidden, keep the others', async () => {
  const { pools, pods, newer, older, told, pool, objectives, clock } = setUp();
  newer.refuses = 404;
  older.put('a', objectiveWith(1));
  pools.put('p', poolWith(8000));
  pods.put('a', podAt('10.0.0.1'));
  await pool.start();
  expect([told, [...objectives().keys()]]).toEqual([[['10.0.0.1:8000']], ['a']]);
  // It is asked for again, ever more seldom.
  await clock.advance(120_000);
  expect(newer.lists).toBeGreaterThan(4);
  expect(newer.lists).toBeLessThan(12);
  newer.refuses = undefined;
  newer.put('b', objectiveWith(2));
  await clock.advance(31_000);
  expect([...objectives().keys()].sort()).toEqual(['a', 'b']);
  pool.close();
});

test('an API server that is away leaves the last copy, and is caught up with', async () => {
  const { pools, pods, told, pool, clock } = setUp();
  pools.put('p', poolWith(8000));
  pods.put('a', podAt('10.0.0.1'));
  await pool.start();
  pods.refuses = 503;
  pods.endWatches();
  pods.put('b', podAt('10.0.0.2'));
  await clock.advance(20_000);
  expect(told).toHaveLength(1);
  pods.refuses = undefined;
  await clock.advance(31_000);
  expect(told.at(-1)).toEqual(['10.0.0.1:8000', '10.0.0.2:8000']);
  pool.close();
});

test('a version that has expired: all is listed again', async () => {
  const { pools, pods, told, pool, clock } = setUp();
  pools.put('p', poolWith(8000));
  await pool.start();
  pods.drops = true;
  pods.put('a', podAt('10.0.0.1'));
  pods.drops = false;
  pods.expire();
  await clock.advance(1000);
  expect(told.at(-1)).toEqual(['10.0.0.1:8000']);
  pool.close();
});

test('watches that end at once are not begun again without end', async () => {
  const { pools, pods, pool, clock } = setUp();
  pools.put('p', poolWith(8000));
  await pool.start();
  for (let index = 0; index < 50; index += 1) {
    pods.endWatches();
    await clock.advance(100);
  }
  expect(pods.lists).toBeLessThan(8);
  pool.close();
  await clock.advance(60_000);
  expect(clock.pendingTimers()).toBe(0);
});

test('events that come late and in another order undo nothing', async () => {
  const { pools, pods, told, pool } = setUp();
  pools.put('p', poolWith(8000));
  pods.put('a', podAt('10.0.0.1', { ready: false }));
  await pool.start();
  pods.withholds = true;
  pods.put('a', podAt('10.0.0.1'));
  // Another pod with the same name, as a StatefulSet has them.
  pods.remove('a');
  pods.put('a', podAt('10.0.0.9'));
  pods.letGo();
  expect(told.at(-1)).toEqual(['10.0.0.9:8000']);
  pool.close();
});

test('whatever happens to pods and to the watch, the pool catches up', async () => {
  const names = fc.constantFrom('a', 'b', 'c');
  const event = fc.oneof(
    fc.tuple(fc.constant('put'), names, fc.boolean()),
    fc.tuple(fc.constant('remove'), names, fc.boolean()),
    fc.tuple(
      fc.constantFrom('end', 'expire', 'drop', 'hear', 'withhold', 'letGo', 'refuse', 'answer', 'time'),
      names,
      fc.boolean(),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (events) => {
      const { pools, pods, told, pool, clock } = setUp();
      pools.put('p', poolWith(8000));
      await pool.start();
      for (const [what, name, ready] of events) {
        if (what === 'put') pods.put(name, podAt(`10.0.0.${name.charCodeAt(0)}`, { ready }));
        else if (what === 'remove') pods.remove(name);
        else if (what === 'end') pods.endWatches();
        else if (what === 'expire') pods.expire();
        else if (what === 'drop' || what === 'hear') pods.drops = what === 'drop';
        else if (what === 'withhold') pods.withholds = true;
        else if (what === 'letGo') pods.letGo();
        else if (what === 'refuse' || what === 'answer') pods.refuses = what === 'refuse' ? 500 : undefined;
        else await clock.advance(1500);
      }
      Object.assign(pods, { drops: false, refuses: undefined });
      pods.letGo();
      // The API ends every watch after a while.
      pods.endWatches();
      await clock.advance(120_000);
      const ready = pods.objects.filter((pod) => JSON.stringify(pod).includes('"True"'));
      const expected = ready.map((pod) => `${(pod.status as { podIP: string }).podIP}:8000`).sort();
      expect(told.at(-1) ?? []).toEqual(expected);
      pool.close();
    }),
    { numRuns: 100 },
  );
});
