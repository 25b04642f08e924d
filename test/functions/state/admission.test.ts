import { setImmediate as settle } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Reading } from '../../../functions/decisions/gate.ts';
import { Admission, type Admitted, type Ask } from '../../../functions/state/admission.ts';
import { BreakerBoard } from '../../../functions/state/breaker-board.ts';
import { Capacity } from '../../../functions/state/capacity.ts';
import { Pool } from '../../../functions/state/pool.ts';
import { createManualClock } from '../../support/manual-clock.ts';

function setUp({
  maxWaiting = 10,
  maxWaitingBytes = 1000,
  read = undefined as (() => Promise<Reading | undefined>) | undefined,
} = {}) {
  const manual = createManualClock(0);
  const clock = { ...manual, nowMs: manual.now };
  let readings = 0;
  const free = async () => ({ source: 'x', saturation: 0, asOfMs: clock.nowMs() });
  const topics = new BreakerBoard(1, () => undefined);
  const verdicts: string[] = [];
  const pool: Pool = new Pool({
    name: 'pool',
    gatewayUrl: '',
    ceiling: 2,
    whenUnknown: 'probe',
    onBreaker: () => undefined,
    capacity: new Capacity({
      sources: [
        {
          name: 'x',
          read: () => {
            readings += 1;
            return (read ?? free)();
          },
        },
      ],
      refreshMs: 5000,
      maxAgeMs: 10_000,
      openAt: 0.75,
      closeAt: 0.9,
      clock,
      ownCallsUntilMs: () => pool.callsUntilMs,
      onReading: () => admission.review(),
    }),
  });
  const onVerdict = (_: Pool, verdict: { action: string; reason: string }): void => {
    verdicts.push(`${verdict.action} ${verdict.reason}`);
  };
  const admission: Admission = new Admission({ clock, topics, maxWaiting, maxWaitingBytes, onVerdict });
  let asked = 0;
  const ask = (changed: Partial<Ask> = {}): { admitted: Admitted | undefined; done: Promise<Admitted> } => {
    asked += 1;
    const whole: Ask = {
      message: `m${asked}`,
      pool,
      path: '/p',
      topics: ['results'],
      limit: 2,
      notBeforeMs: 0,
      deadlineAtMs: 1e9,
      giveUpAtMs: clock.nowMs() + 20_000,
      sizeBytes: 1,
      signal: new AbortController().signal,
      ...changed,
    };
    const asking = { admitted: undefined as Admitted | undefined, done: admission.admit(whole) };
    void asking.done.then((admitted) => {
      asking.admitted = admitted;
    });
    return asking;
  };
  const end = (asking: { admitted: Admitted | undefined }, health: 'well' | 'sick' | 'unsaid' = 'well'): void => {
    if (asking.admitted?.got !== 'permit') throw new Error(`no permit but ${JSON.stringify(asking.admitted)}`);
    asking.admitted.permit.end(health, clock.nowMs());
  };
  return { clock, pool, topics, admission, ask, end, verdicts, readings: () => readings };
}

test('those who wait are served by deadline', async () => {
  const { ask, end } = setUp();
  const first = [ask(), ask()];
  await settle();
  const late = ask({ deadlineAtMs: 3e8 });
  const early = ask({ deadlineAtMs: 1e8 });
  const middle = ask({ deadlineAtMs: 2e8 });
  await settle();
  end(first[0]!);
  await settle();
  expect([late, early, middle].map(({ admitted }) => admitted?.got)).toEqual([undefined, 'permit', undefined]);
  end(first[1]!);
  await settle();
  expect([late, early, middle].map(({ admitted }) => admitted?.got)).toEqual([undefined, 'permit', 'permit']);
});

describe('waiting ends', () => {
  test('when the time is over', async () => {
    const { ask, clock, verdicts } = setUp();
    const early = ask({ notBeforeMs: 1e6 });
    await clock.advance(19_999);
    expect(early.admitted).toBeUndefined();
    await clock.advance(1);
    expect(early.admitted).toEqual({ got: 'deferred', reason: 'too-early' });
    expect(verdicts).toEqual(['wait too-early', 'defer too-early']);
  });
  test('when the deadline passes', async () => {
    const { ask, clock } = setUp();
    const early = ask({ notBeforeMs: 1e6, deadlineAtMs: 5000 });
    await clock.advance(5000);
    expect(early.admitted).toEqual({ got: 'expired' });
  });
  test('when a retry’s time has come', async () => {
    const { ask, clock } = setUp();
    const early = ask({ notBeforeMs: 7000 });
    await clock.advance(6999);
    expect(early.admitted).toBeUndefined();
    await clock.advance(1);
    expect(early.admitted?.got).toBe('permit');
  });
  test('when nobody listens any more', async () => {
    const { ask, admission } = setUp();
    const gone = new AbortController();
    const waiting = ask({ notBeforeMs: 1e6, signal: gone.signal });
    await settle();
    gone.abort();
    await settle();
    expect(waiting.admitted).toEqual({ got: 'aborted' });
    expect(admission.waiting).toBe(0);
  });
  test('when the process goes down', async () => {
    const { ask, admission } = setUp();
    const waiting = ask({ notBeforeMs: 1e6 });
    admission.close();
    expect(await waiting.done).toEqual({ got: 'aborted' });
    expect(await ask().done).toEqual({ got: 'aborted' });
  });
});

test('places to wait are bounded, by number and by bytes', async () => {
  const { ask } = setUp({ maxWaiting: 2 });
  const waiting = [1, 2, 3].map(() => ask({ notBeforeMs: 1e6 }));
  await settle();
  expect(waiting.map(({ admitted }) => admitted)).toEqual([undefined, undefined, { got: 'deferred', reason: 'full' }]);
  expect(await setUp({ maxWaitingBytes: 10 }).ask({ notBeforeMs: 1e6, sizeBytes: 11 }).done).toEqual({
    got: 'deferred',
    reason: 'full',
  });
});

test('places to wait are free again once they are left', async () => {
  const { ask, clock } = setUp({ maxWaiting: 1, maxWaitingBytes: 10 });
  const first = ask({ notBeforeMs: 1000, sizeBytes: 10 });
  await clock.advance(1000);
  expect(first.admitted?.got).toBe('permit');
  const second = ask({ notBeforeMs: 5000, sizeBytes: 10 });
  await clock.advance(4000);
  expect(second.admitted?.got).toBe('permit');
});

test('without waiting time it is now or never', async () => {
  const { ask, clock } = setUp();
  await ask().done;
  expect((await ask({ giveUpAtMs: clock.nowMs() }).done).got).toBe('permit');
  expect(await ask({ giveUpAtMs: clock.nowMs() }).done).toEqual({ got: 'deferred', reason: 'limit' });
});

describe('capacity', () => {
  test('a thousand who wait cause one query a period', async () => {
    const { ask, clock, readings } = setUp({
      maxWaiting: 1000,
      read: async () => ({ source: 'x', saturation: 1, asOfMs: clock.nowMs() }),
    });
    const waiting = Array.from({ length: 1000 }, () => ask({ giveUpAtMs: 16_000 }));
    await clock.advance(14_999);
    expect(readings()).toBe(3);
    await clock.advance(2000);
    expect(waiting.every(({ admitted }) => admitted?.got === 'deferred')).toBe(true);
  });
  test('those who wait go on when it is free again', async () => {
    let saturation = 1;
    const { ask, clock } = setUp({ read: async () => ({ source: 'x', saturation, asOfMs: clock.nowMs() }) });
    const waiting = ask();
    await clock.advance(4000);
    saturation = 0.5;
    expect(waiting.admitted).toBeUndefined();
    await clock.advance(1000);
    expect(waiting.admitted?.got).toBe('permit');
  });
  test('unknown means one call at a time', async () => {
    const { ask, end } = setUp({ read: () => Promise.reject(new Error('no data')) });
    const both = [ask(), ask()];
    await settle();
    expect(both.map(({ admitted }) => admitted?.got)).toEqual(['permit', undefined]);
    end(both[0]!);
    await settle();
    expect(both[1]?.admitted?.got).toBe('permit');
  });
  test('a stale reading means unknown, and an error keeps the last one until then', async () => {
    let fails = false;
    const { ask, clock, pool } = setUp({
      read: async () => {
        if (fails) throw new Error('down');
        return { source: 'x', saturation: 1, asOfMs: clock.nowMs() };
      },
    });
    ask({ giveUpAtMs: 1e6 });
    await settle();
    fails = true;
    await clock.advance(10_000);
    expect(pool.capacity.look()).toBe('saturated');
    await clock.advance(1);
    expect(pool.capacity.look()).toBe('unknown');
  });
  test('a shed closes until it is over and the load was read anew', async () => {
    const { ask, clock, end, pool, readings } = setUp();
    await ask().done;
    await clock.advance(1000);
    pool.shed(0, clock.nowMs());
    const waiting = ask();
    await clock.advance(3999);
    expect([waiting.admitted, readings()]).toEqual([undefined, 1]);
    await clock.advance(1);
    expect([waiting.admitted?.got, readings()]).toEqual(['permit', 2]);
    end(waiting);

    pool.shed(3_600_000, clock.nowMs());
    const patient = ask({ giveUpAtMs: 1e8 });
    await clock.advance(59_999);
    expect(patient.admitted).toBeUndefined();
    await clock.advance(1);
    expect(patient.admitted?.got).toBe('permit');
  });
});

test('a topic that fails lets one message through at a time', async () => {
  const { admission, ask, clock, topics, end } = setUp();
  topics.ended('results', 'x', 'sick', clock.nowMs());
  const both = [ask(), ask()];
  await clock.advance(1000);
  expect(both.map(({ admitted }) => admitted?.got)).toEqual(['permit', undefined]);
  end(both[0]!);
  await settle();
  expect(both[1]?.admitted).toBeUndefined();
  topics.ended('results', 'm1', 'well', clock.nowMs());
  admission.review();
  await settle();
  expect(both[1]?.admitted?.got).toBe('permit');
});

test('places always come back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('ask', 'end', 'abort', 'time'), fc.nat(7))), async (steps) => {
      const { ask, clock, pool, admission } = setUp({ maxWaiting: 4 });
      const open: { asking: ReturnType<typeof ask>; gone: AbortController }[] = [];
      for (const [step, index] of steps) {
        const chosen = open[index % Math.max(1, open.length)];
        if (step === 'ask') {
          const gone = new AbortController();
          open.push({
            asking: ask({ signal: gone.signal, notBeforeMs: index * 1000, deadlineAtMs: 5000 + index * 3000 }),
            gone,
          });
        } else if (step === 'time') await clock.advance(index * 997);
        else if (step === 'abort') chosen?.gone.abort();
        else if (chosen?.asking.admitted?.got === 'permit') chosen.asking.admitted.permit.end('well', clock.nowMs());
        await settle();
        expect(pool.inFlight).toBeLessThanOrEqual(2);
      }
      admission.close();
      await settle();
      for (const { asking } of open)
        if (asking.admitted?.got === 'permit') asking.admitted.permit.end('well', clock.nowMs());
      expect([pool.inFlight, admission.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 50 },
  );
});
