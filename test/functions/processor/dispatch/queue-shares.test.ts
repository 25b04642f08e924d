import { setImmediate as settle } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CallOutcome } from '../../../../functions/processor/dispatch/permit.ts';
import { settled, setUp, success } from './queue-world.ts';

describe('subscriptions share', () => {
  test('places to wait: the one that has most of them gives up its latest deadline', async () => {
    const { ask } = setUp({ maxWaiting: 4 });
    const crowd = [4, 2, 3, 1].map((hour) => ask({ subscription: 'a', notBeforeMs: 1e6, deadlineAtMs: hour * 1e8 }));
    const other = ask({ subscription: 'b', notBeforeMs: 1e6 });
    await settle();
    const full = { got: 'deferred', reason: 'full' };
    expect(crowd.map(({ admitted }) => admitted)).toEqual([full, undefined, undefined, undefined]);
    const another = ask({ subscription: 'b', notBeforeMs: 1e6 });
    await settle();
    expect(crowd.map(({ admitted }) => admitted)).toEqual([full, undefined, full, undefined]);
    const late = ask({ subscription: 'a', notBeforeMs: 1e6, deadlineAtMs: 9e8 });
    const early = ask({ subscription: 'a', notBeforeMs: 1e6, deadlineAtMs: 1e7 });
    await settle();
    expect([late.admitted, early.admitted, other.admitted, another.admitted]).toEqual([
      full,
      undefined,
      undefined,
      undefined,
    ]);
    expect(crowd[1]?.admitted).toEqual(full);
  });

  test('places to wait, within one: a far deadline gives its place to a near one', async () => {
    const { ask, clock } = setUp({ maxWaiting: 2 });
    const far = [1, 2].map((day) => ask({ notBeforeMs: 1e6, deadlineAtMs: day * 1e9 }));
    const near = ask({ notBeforeMs: 1e6, deadlineAtMs: 1e5 });
    await clock.advance(0);
    expect([...far, near].map(({ admitted }) => admitted)).toEqual([
      undefined,
      { got: 'deferred', reason: 'full' },
      undefined,
    ]);
  });

  test('places to wait, within one: the tenant that has most of them gives up, though its deadlines are near', async () => {
    const { ask } = setUp({ maxWaiting: 3 });
    const crowd = [1, 2, 3].map((each) => ask({ tenant: 'a', notBeforeMs: 1e6, deadlineAtMs: each * 1e5 }));
    const other = ask({ tenant: 'b', notBeforeMs: 1e6, deadlineAtMs: 9e9 });
    await settle();
    expect(crowd.map(({ admitted }) => admitted?.got)).toEqual([undefined, undefined, 'deferred']);
    expect(other.admitted).toBeUndefined();
  });

  test('bytes: the largest gives up, whatever its number', async () => {
    const { ask, queue } = setUp({ maxWaitingBytes: 100 });
    const heavy = ask({ subscription: 'a', notBeforeMs: 1e6, sizeBytes: 60 });
    const light = [1, 2, 3].map(() => ask({ subscription: 'b', notBeforeMs: 1e6, sizeBytes: 15 }));
    await settle();
    expect(heavy.admitted).toEqual({ got: 'deferred', reason: 'full' });
    expect(light.map(({ admitted }) => admitted)).toEqual([undefined, undefined, undefined]);
    expect(queue.waiting).toBe(3);
  });

  test('calls: a free place goes to the one that has fewest of them, then to the earliest deadline', async () => {
    const { ask, end } = setUp();
    const busy = [ask({ subscription: 'a' }), ask({ subscription: 'a' })];
    await settle();
    const million = [1, 2, 3].map(() => ask({ subscription: 'a', deadlineAtMs: 1e6 }));
    const other = ask({ subscription: 'b' });
    end(busy[0]!);
    await settle();
    expect([other, ...million].map(({ admitted }) => admitted?.got)).toEqual([
      'permit',
      undefined,
      undefined,
      undefined,
    ]);
    end(busy[1]!);
    await settle();
    expect(million.filter(({ admitted }) => admitted?.got === 'permit')).toHaveLength(1);
  });

  test('a limit of its own holds no other up', async () => {
    const { ask } = setUp();
    const narrow = [1, 2].map(() => ask({ subscription: 'a', maxInFlight: 1, deadlineAtMs: 1e6 }));
    const wide = ask({ subscription: 'b' });
    await settle();
    expect([...narrow, wide].map(({ admitted }) => admitted?.got)).toEqual(['permit', undefined, 'permit']);
  });
});

test('a subscription has no more calls than its own limit, though the pool has places', async () => {
  const { ask } = setUp();
  const both = [1, 2].map(() => ask({ maxInFlight: 1 }));
  await settle();
  expect(both.map(({ admitted }) => admitted?.got)).toEqual(['permit', undefined]);
});

test('messages for a path that is out do not hold back the others', async () => {
  const { ask, clock, pool, end } = setUp();
  for (const message of ['a', 'b', 'c', 'd', 'e']) pool.breakers.ended('/out', message, 'sick', clock.nowMs());
  const running = [ask(), ask()];
  await settle();
  const stuck = ask({ path: '/out', deadlineAtMs: 1e6 });
  const behind = ask({ deadlineAtMs: 2e6 });
  end(running[0]!);
  await settle();
  expect([stuck, behind].map(({ admitted }) => admitted?.got)).toEqual([undefined, 'permit']);
  end(running[1]!);
  await clock.advance(1000);
  expect(stuck.admitted?.got).toBe('permit');
});

describe('the limit', () => {
  test('grows with what succeeds, and begins again once the gate was closed', async () => {
    let saturation = 0;
    const { ask, clock, end, pool } = setUp({
      ceiling: 8,
      read: async () => ({ source: 'x', saturation, ageMs: 0 }),
    });
    expect(pool.limit).toBe(8);
    end(await settled(ask()));
    saturation = 1;
    await clock.advance(5000);
    pool.advance(clock.nowMs());
    await settle();
    const waiting = [1, 2, 3].map(() => ask());
    await clock.advance(1000);
    expect(waiting.map(({ admitted }) => admitted?.got)).toEqual([undefined, undefined, undefined]);
    saturation = 0;
    await clock.advance(5000);
    expect(waiting.map(({ admitted }) => admitted?.got)).toEqual(['permit', undefined, undefined]);
    end(waiting[0]!);
    await settle();
    expect(waiting.map(({ admitted }) => admitted?.got)).toEqual(['permit', 'permit', 'permit']);
  });

  test('rests below one call, and wakes by itself', async () => {
    const { ask, clock, end, pool } = setUp();
    const shed: CallOutcome = { became: 'capacity', retryAfterMs: 0 };
    for (let sheds = 0; sheds < 3; sheds += 1) {
      const probe = ask({ giveUpAtMs: 1e9 });
      await clock.advance(10_000);
      end(probe, shed);
    }
    expect(pool.limit).toBe(0.25);
    const next = [1, 2].map(() => ask({ giveUpAtMs: 1e9 }));
    await clock.advance(5000);
    expect(next.map(({ admitted }) => admitted?.got)).toEqual(['permit', undefined]);
  });

  test('a place given back twice is given back once', async () => {
    const { ask, end, pool } = setUp();
    const asking = await settled(ask());
    end(asking);
    end(asking);
    expect(pool.inFlight).toBe(0);
  });
});

test('never above the limit, never through a closed gate, and places always come back', async () => {
  const step = fc.tuple(fc.constantFrom('ask', 'end', 'shed', 'fail', 'abort', 'time', 'close', 'open'), fc.nat(7));
  const outcomes: Record<string, CallOutcome> = {
    end: success,
    shed: { became: 'capacity', retryAfterMs: 0 },
    fail: { became: 'ignored' },
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      let saturation = 0;
      const { ask, clock, pool, queue } = setUp({
        ceiling: 4,
        maxWaiting: 4,
        read: async () => ({ source: 'x', saturation, ageMs: 0 }),
      });
      const take = pool.take.bind(pool);
      pool.take = (...args) => {
        expect(pool.inFlight + 1).toBeLessThanOrEqual(Math.max(1, pool.limit));
        expect(pool.capacity.at(clock.nowMs()).lastGate).toBe('open');
        return take(...args);
      };
      const open: { asking: ReturnType<typeof ask>; gone: AbortController }[] = [];
      for (const [name, index] of steps) {
        const chosen = open[index % Math.max(1, open.length)];
        const outcome = outcomes[name];
        if (name === 'ask') {
          const gone = new AbortController();
          const times = { notBeforeMs: index * 1000, deadlineAtMs: 5000 + index * 3000 };
          open.push({ asking: ask({ signal: gone.signal, subscription: `s${index % 3}`, ...times }), gone });
        } else if (name === 'time') await clock.advance(index * 997);
        else if (name === 'close') saturation = 1;
        else if (name === 'open') saturation = 0;
        else if (name === 'abort') chosen?.gone.abort();
        else if (outcome && chosen?.asking.admitted?.got === 'permit') {
          chosen.asking.admitted.permit.end(outcome, clock.nowMs());
        }
        await settle();
      }
      queue.close();
      await settle();
      for (const { asking } of open)
        if (asking.admitted?.got === 'permit') asking.admitted.permit.end(success, clock.nowMs());
      expect([pool.inFlight, queue.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 100 },
  );
});
