import { getEventListeners } from 'node:events';
import { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { settled, setUp } from './queue-world.ts';

test('messages that wait are served by deadline', async () => {
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

describe('a message’s wait ends', () => {
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
  test('when their connection is lost', async () => {
    const { ask, queue } = setUp();
    const gone = new AbortController();
    const waiting = ask({ notBeforeMs: 1e6, signal: gone.signal });
    await settle();
    gone.abort();
    await settle();
    expect(waiting.admitted).toEqual({ got: 'aborted' });
    expect(queue.waiting).toBe(0);
  });
  test('when the process ends', async () => {
    const { ask, queue } = setUp();
    const waiting = ask({ notBeforeMs: 1e6 });
    queue.close();
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

test('a wait that has ended leaves neither timer nor listener', async () => {
  const { ask, clock, queue } = setUp();
  const { signal } = new AbortController();
  const waits = [
    ask({ notBeforeMs: 1000, signal }),
    ask({ notBeforeMs: 1e6, signal }),
    ask({ notBeforeMs: 500, signal }),
  ];
  await clock.advance(0);
  expect(getEventListeners(signal, 'abort')).toHaveLength(3);
  await clock.advance(30_000);
  expect(waits.map(({ admitted }) => admitted?.got)).toEqual(['permit', 'deferred', 'permit']);
  expect([getEventListeners(signal, 'abort').length, clock.pendingTimers(), queue.waiting]).toEqual([0, 0, 0]);
});

describe('capacity', () => {
  test('a thousand messages that wait cause one query a period', async () => {
    const { ask, clock, readings } = setUp({
      maxWaiting: 1000,
      read: async () => ({ source: 'x', saturation: 1, ageMs: 0 }),
    });
    const waiting = Array.from({ length: 1000 }, () => ask({ giveUpAtMs: 16_000 }));
    await clock.advance(14_999);
    expect(readings()).toBe(3);
    await clock.advance(2000);
    expect(waiting.every(({ admitted }) => admitted?.got === 'deferred')).toBe(true);
  });
  test('messages that wait go on when it is free again', async () => {
    let saturation = 1;
    const { ask, clock } = setUp({ read: async () => ({ source: 'x', saturation, ageMs: 0 }) });
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
        return { source: 'x', saturation: 1, ageMs: 0 };
      },
    });
    ask({ giveUpAtMs: 1e6 });
    await settle();
    fails = true;
    await clock.advance(10_000);
    expect(pool.gateInputs(clock.nowMs()).gate).toBe('saturated');
    await clock.advance(1);
    expect(pool.gateInputs(clock.nowMs()).gate).toBe('unknown');
  });
  test('a message that cannot wait for a reading goes by the last, and by none when that is too old', async () => {
    let reads = async () => ({ source: 'x', saturation: 0, ageMs: 0 });
    const { ask, clock, end, verdicts } = setUp({ read: () => reads() });
    end(await settled(ask()));
    reads = () => new Promise(() => undefined);
    await clock.advance(10_000);
    end(await settled(ask({ giveUpAtMs: clock.nowMs() })));
    const late = ask({ giveUpAtMs: clock.nowMs() + 1 });
    await clock.advance(1);
    expect(late.admitted?.got).toBe('permit');
    expect(verdicts.slice(-3)).toEqual(['dispatch free', 'wait unknown', 'dispatch unknown']);
  });
  test('a shed closes until it is over and the load was read anew', async () => {
    const { ask, clock, end, take, readings } = setUp();
    const shed = (retryAfterMs: number): void => take({ became: 'capacity', retryAfterMs });
    end(await settled(ask()));
    await clock.advance(1000);
    shed(0);
    const waiting = ask();
    await clock.advance(3999);
    expect([waiting.admitted, readings()]).toEqual([undefined, 1]);
    await clock.advance(1);
    expect([waiting.admitted?.got, readings()]).toEqual(['permit', 2]);
    end(waiting);

    shed(3_600_000);
    const patient = ask({ giveUpAtMs: 1e8 });
    await clock.advance(59_999);
    expect(patient.admitted).toBeUndefined();
    await clock.advance(1);
    expect(patient.admitted?.got).toBe('permit');
  });
});

test('a topic that fails lets one message through at a time', async () => {
  const { queue, ask, clock, topics, end } = setUp();
  topics.ended('results', 'x', 'sick', clock.nowMs());
  const both = [ask(), ask()];
  await clock.advance(1000);
  expect(both.map(({ admitted }) => admitted?.got)).toEqual(['permit', undefined]);
  end(both[0]!);
  await settle();
  expect(both[1]?.admitted).toBeUndefined();
  topics.ended('results', 'm1', 'well', clock.nowMs());
  queue.review();
  await settle();
  expect(both[1]?.admitted?.got).toBe('permit');
});

describe('a wall clock that is set', () => {
  const hourMs = 3_600_000;
  test.each([hourMs, -hourMs])('by %i ms while the gate is closed does not keep it closed', async (stepMs) => {
    let saturation = 1;
    const { ask, clock } = setUp({ read: async () => ({ source: 'x', saturation, ageMs: 0 }) });
    const waiting = ask();
    await clock.advance(4000);
    clock.step(stepMs);
    saturation = 0.5;
    expect(waiting.admitted).toBeUndefined();
    await clock.advance(1000);
    expect(waiting.admitted?.got).toBe('permit');
  });
  test.each([hourMs, -hourMs])('by %i ms changes neither a retry’s wait nor the longest one', async (stepMs) => {
    const { ask, clock } = setUp();
    const early = ask({ notBeforeMs: 7000 });
    const tooEarly = ask({ notBeforeMs: 30_000 });
    await clock.advance(1000);
    clock.step(stepMs);
    await clock.advance(5999);
    expect(early.admitted).toBeUndefined();
    await clock.advance(1);
    expect(early.admitted?.got).toBe('permit');
    await clock.advance(12_999);
    expect(tooEarly.admitted).toBeUndefined();
    await clock.advance(1);
    expect(tooEarly.admitted).toEqual({ got: 'deferred', reason: 'too-early' });
  });
  test.each([hourMs, -hourMs])('by %i ms changes neither shed, breaker nor limit', async (stepMs) => {
    const { ask, clock, end, pool, topics } = setUp();
    end(await settled(ask()), { became: 'capacity', retryAfterMs: 9000 });
    topics.ended('results', 'x', 'sick', clock.nowMs());
    clock.step(stepMs);
    const [first, second] = [ask(), ask()];
    await clock.advance(8999);
    expect([first.admitted, second.admitted]).toEqual([undefined, undefined]);
    await clock.advance(1);
    expect([first.admitted?.got, second.admitted]).toEqual(['permit', undefined]);
    end(first);
    topics.ended('results', 'm2', 'well', clock.nowMs());
    expect(pool.limit).toBe(2);
  });
  test('forwards beyond a deadline ends the message that has it', async () => {
    const { ask, clock } = setUp();
    const waiting = ask({ notBeforeMs: 30_000, deadlineAtMs: hourMs / 2, giveUpAtMs: 10_000 });
    clock.step(hourMs);
    await clock.advance(10_000);
    expect(waiting.admitted).toEqual({ got: 'expired' });
  });
});
