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
