import { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { setUp, success } from './queue-world.ts';

const outcomesOf = (asked: readonly { readonly admitted: { readonly got: string } | undefined }[]) =>
  asked.map(({ admitted }) => admitted?.got);

/** A queue whose pool has answered that many calls, each in ten seconds. */
async function setUpKnown(answers: number) {
  const world = setUp({ ceiling: 100, maxWaiting: 100 });
  const asked = Array.from({ length: answers }, () => world.ask());
  await world.clock.advance(10_000);
  for (const each of asked) world.end(each);
  await settle();
  return world;
}

describe('a message that cannot be met any more', () => {
  test.each([
    ['9 s before its deadline', 100, 9000, 'unreachable'],
    ['11 s before it may be met', 100, 11_000, 'permit'],
    ['is called where fewer than 100 are known', 99, 9000, 'permit'],
    ['has expired at its deadline', 100, 0, 'expired'],
  ])('where calls take 10 s, %s', async (_, answers, leftMs, got) => {
    const { ask, clock } = await setUpKnown(answers);
    const asking = ask({ deadlineAtMs: clock.now() + leftMs });
    await settle();
    expect(asking.admitted?.got).toBe(got);
  });

  test('says what was left, and what others took at least', async () => {
    const { ask, clock } = await setUpKnown(100);
    const asking = ask({ deadlineAtMs: clock.now() + 5000 });
    await settle();
    expect(asking.admitted).toEqual({
      got: 'unreachable',
      leftMs: 5000,
      fastestMs: expect.closeTo(9300, -3),
      isOverload: false,
    });
  });

  test('is told while it waits, and not only when its turn comes', async () => {
    const { ask, clock, pool, topics } = await setUpKnown(100);
    topics.ended('results', 'other', 'sick', clock.nowMs());
    const asking = ask({ deadlineAtMs: clock.now() + 15_000, topics: ['results'], message: 'x' });
    topics.began('results', 'prober', '');
    await clock.advance(4000);
    expect(asking.admitted).toBeUndefined();
    await clock.advance(3000);
    expect(asking.admitted?.got).toBe('unreachable');
    expect(pool.inFlight).toBe(0);
  });
});

test('where places to wait run out a far deadline of one lane makes room for near ones of another', async () => {
  const { ask, queue } = setUp({ ceiling: 2, maxWaiting: 3 });
  const busy = [1, 2].map(() => ask());
  await settle();
  const far = ask({ deadlineAtMs: 900_000 });
  const others = ask({ deadlineAtMs: 950_000, subscription: 'other' });
  const near = [1, 2].map(() => ask({ deadlineAtMs: 60_000, subscription: 'lane' }));
  await settle();
  expect(outcomesOf([...busy, far, others, ...near])).toEqual([
    'permit',
    'permit',
    'deferred',
    undefined,
    undefined,
    undefined,
  ]);
  expect(queue.waiting).toBe(3);
});

describe('in overload', () => {
  /** 100 calls are known, all places are taken, and this number of deadlines was lost. */
  async function setUpFull(lost: number, lose: Parameters<Awaited<ReturnType<typeof setUpKnown>>['ask']>[0] = {}) {
    const world = await setUpKnown(100);
    const busy = Array.from({ length: 100 }, () => world.ask());
    await settle();
    for (let each = 0; each < lost; each += 1) world.ask({ deadlineAtMs: world.clock.now(), ...lose });
    await settle();
    return { ...world, busy };
  }

  test.each([
    ['with 62 s left', 5, 62_000, 600_000, 'unreachable'],
    ['with more it waits', 5, 62_001, 600_000, undefined],
    ['of a short window with two fifths of it', 5, 48_000, 120_000, 'unreachable'],
    ['of a short window with more it waits', 5, 48_001, 120_000, undefined],
    ['where as few were lost as chance loses it waits', 2, 62_000, 600_000, undefined],
  ])('a message that would have to wait is given up at once: %s', async (_, lost, leftMs, windowMs, got) => {
    const { ask, clock } = await setUpFull(lost);
    const asking = ask({ deadlineAtMs: clock.now() + leftMs, windowMs });
    await settle();
    expect(asking.admitted?.got).toBe(got);
  });

  test('one that waits is given up when no more than that is left', async () => {
    const { ask, clock } = await setUpFull(5);
    const asking = ask({ deadlineAtMs: clock.now() + 67_000, windowMs: 600_000 });
    await clock.advance(4900);
    expect(asking.admitted).toBeUndefined();
    await clock.advance(200);
    expect(asking.admitted).toMatchObject({ got: 'unreachable', isOverload: true });
  });

  test('one that would go back to Pub/Sub is given up a minute sooner', async () => {
    const { ask, clock } = await setUpFull(5);
    const giveUpAtMs = clock.now() + 1000;
    const near = ask({ deadlineAtMs: clock.now() + 122_000, windowMs: 600_000, giveUpAtMs });
    const far = ask({ deadlineAtMs: clock.now() + 124_000, windowMs: 600_000, giveUpAtMs });
    await clock.advance(1000);
    expect(near.admitted).toMatchObject({ got: 'unreachable', isOverload: true });
    expect(far.admitted).toEqual({ got: 'deferred', reason: 'limit' });
  });

  test.each([
    ['with little left they tell of it', 120_000, 600_000, 'limit', 'unreachable'],
    ['with more left they do not', 124_000, 600_000, 'limit', undefined],
    ['of short windows they do not while two fifths are left', 25_500, 60_000, 'limit', undefined],
  ])('messages go back to Pub/Sub: %s, before any is lost', async (_, leftMs, windowMs, reason, got) => {
    const { ask, clock } = await setUpFull(0);
    const giveUpAtMs = clock.now() + 1000;
    const back = Array.from({ length: 5 }, () => ask({ deadlineAtMs: clock.now() + leftMs, windowMs, giveUpAtMs }));
    await clock.advance(1000);
    expect(back[0]!.admitted).toEqual({ got: 'deferred', reason });
    const asking = ask({ deadlineAtMs: clock.now() + 62_000, windowMs: 600_000 });
    await settle();
    expect(asking.admitted?.got).toBe(got);
  });

  test('one that finds room is called', async () => {
    const { ask, clock, end, busy } = await setUpFull(5);
    end(busy[0]!);
    const asking = ask({ deadlineAtMs: clock.now() + 60_000, windowMs: 600_000 });
    await settle();
    expect(asking.admitted?.got).toBe('permit');
  });

  test('it is over within minutes after the last deadline was lost', async () => {
    const { ask, clock } = await setUpFull(5);
    await clock.advance(120_000);
    const asking = ask({ deadlineAtMs: clock.now() + 60_000, windowMs: 600_000 });
    await clock.advance(1000);
    expect(asking.admitted).toBeUndefined();
  });

  test.each([
    ['a path that is out', { path: '/out' }],
    ['a deadline that was over when the message was published', { windowMs: 0 }],
  ])('%s is none', async (_, lose) => {
    const { ask, clock, pool } = await setUpFull(0);
    for (const message of ['a', 'b', 'c', 'd', 'e']) {
      pool.breakers.began('/out', message, '');
      pool.breakers.ended('/out', message, 'sick', clock.nowMs());
    }
    for (let each = 0; each < 9; each += 1) ask({ deadlineAtMs: clock.now(), ...lose });
    await settle();
    const asking = ask({ deadlineAtMs: clock.now() + 60_000, windowMs: 600_000 });
    await settle();
    expect(asking.admitted).toBeUndefined();
  });
});

describe('a message that would miss its deadline', () => {
  /** A pool whose gate is closed, after calls that took two seconds each. */
  async function setUpClosed(ceiling = 2) {
    let saturation = 0;
    const world = setUp({ ceiling, read: async () => ({ source: 'x', saturation, ageMs: 0 }) });
    const first = world.ask();
    await world.clock.advance(2000);
    world.end(first);
    saturation = 1;
    await world.clock.advance(5000);
    world.pool.advance(world.clock.nowMs());
    await settle();
    return world;
  }

  test('goes past a closed gate once less than it needs is left, and no sooner', async () => {
    const { ask, clock } = await setUpClosed();
    const asking = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 15_000 });
    await clock.advance(6000);
    expect(asking.admitted).toBeUndefined();
    // 2 s that others took, 4 s before a retry, and 2 s again: each a tenth more at most.
    await clock.advance(1100);
    expect(asking.admitted).toMatchObject({
      got: 'permit',
      escalation: { leftMs: expect.closeTo(8000, -3), heldBy: 'saturated' },
    });
  });

  test('waits where its subscription has no objective for it', async () => {
    const { ask, clock } = await setUpClosed();
    const asking = ask({ deadlineAtMs: clock.now() + 5000 });
    await clock.advance(4000);
    expect(asking.admitted).toBeUndefined();
  });

  test('is one at a time of few calls, the earliest deadline first', async () => {
    const { ask, clock, end } = await setUpClosed();
    const urgent = [5000, 4500].map((leftMs) => ask({ hasEscalation: true, deadlineAtMs: clock.now() + leftMs }));
    await settle();
    expect(outcomesOf(urgent)).toEqual(['permit', undefined]);
    const nearer = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 4000 });
    end(urgent[0]!);
    await settle();
    expect(outcomesOf([urgent[1]!, nearer])).toEqual([undefined, 'permit']);
  });

  test('never exceeds the calls that its subscription may have', async () => {
    const { ask, clock } = setUp({ ceiling: 2 });
    const busy = [1, 2].map(() => ask());
    await settle();
    const urgent = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 5000 });
    await settle();
    expect(outcomesOf([...busy, urgent])).toEqual(['permit', 'permit', undefined]);
  });

  test('goes rather than back, where Pub/Sub might bring it too late', async () => {
    const { ask, clock } = await setUpClosed();
    const giveUpAtMs = clock.now() + 2000;
    const near = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 60_000, giveUpAtMs });
    const far = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 90_000, giveUpAtMs });
    await clock.advance(2000);
    expect(near.admitted).toMatchObject({ got: 'permit' });
    expect(far.admitted).toEqual({ got: 'deferred', reason: 'saturated' });
  });

  test('is not called again at once where the gateway has refused it', async () => {
    const { ask, clock, end, pool } = await setUpClosed();
    const asking = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 5000 });
    await settle();
    end(asking, { became: 'capacity', retryAfterMs: 0 });
    const again = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 5000 });
    await clock.advance(900);
    expect(again.admitted).toBeUndefined();
    expect(pool.mayEscalate(clock.nowMs())).toBe(false);
    await clock.advance(100);
    expect(pool.mayEscalate(clock.nowMs())).toBe(true);
  });
});

test('the room of an escalated call teaches the limit nothing', async () => {
  const { pool, clock, ask, end } = setUp({ ceiling: 8 });
  const shed = ask();
  await settle();
  end(shed, { became: 'capacity', retryAfterMs: 0 });
  const { limit } = pool;
  await clock.advance(10_000);
  const urgent = ask({ hasEscalation: true, deadlineAtMs: clock.now() + 5000 });
  await settle();
  expect(urgent.admitted).toMatchObject({ escalation: { heldBy: expect.any(String) } });
  end(urgent, success);
  expect(pool.limit).toBeLessThanOrEqual(limit);
});
