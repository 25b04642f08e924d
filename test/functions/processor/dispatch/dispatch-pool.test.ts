import { setImmediate as settle } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CapacityGate } from '../../../../functions/processor/dispatch/capacity-gate.ts';
import { DispatchPool } from '../../../../functions/processor/dispatch/dispatch-pool.ts';
import type { CallOutcome, Permit } from '../../../../functions/processor/dispatch/permit.ts';
import { later, type MonotonicMs, never } from '../../../../shared/runtime/clock.ts';
import { mono } from '../../../support/instants.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

const path = '/v1/completions';
const nothing = (): void => undefined;
const shed: CallOutcome = { became: 'capacity', retryAfterMs: 3000 };

/** A pool whose load is what the test puts down, read once. */
async function setUp(whenUnknown: 'open' | 'closed' | 'probe' = 'probe', source = 'x') {
  const clock = createManualClock(0);
  const load: { saturation: number | undefined } = { saturation: whenUnknown === 'open' ? undefined : 0 };
  const opened: string[] = [];
  const pool = new DispatchPool({
    name: 'pool',
    gatewayUrl: '',
    ceiling: 8,
    whenUnknown,
    escalationShare: 0.05,
    onBreaker: (name, isOpen) => opened.push(`${name} ${isOpen ? 'opens' : 'closes'}`),
    onRoom: nothing,
    capacity: new CapacityGate({
      read: async () => ({
        answers: new Map(),
        reading: load.saturation === undefined ? undefined : { source, saturation: load.saturation, ageMs: 0 },
      }),
      refreshMs: 5000,
      maxAgeMs: 60_000,
      openAt: 0.75,
      closeAt: 0.9,
      clock,
      onReading: nothing,
    }),
  });
  const take = (message = 'm', onEnd: () => void = nothing, isEscalated = false): Permit => {
    const call = { path, maxOutputTokens: undefined, job: '', message, tenant: '', arrivedAtMs: clock.nowMs() };
    return pool.take(call, clock.nowMs(), onEnd, isEscalated);
  };
  const call = (outcome: CallOutcome, message?: string): void => take(message).end(outcome, clock.nowMs());
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    pool.advance(clock.nowMs());
    await settle();
  };
  await advance(0);
  const inputs = () => pool.gateInputs(clock.nowMs());
  return { pool, clock, load, opened, take, call, advance, inputs };
}

describe('a place', () => {
  test('is counted while its call is under way, and given back once', async () => {
    const { pool, clock, take } = await setUp();
    let ended = 0;
    const permit = take('m', () => {
      ended += 1;
    });
    expect(pool.inFlight).toBe(1);
    permit.end({ became: 'success' }, clock.nowMs());
    permit.end({ became: 'success' }, clock.nowMs());
    expect([pool.inFlight, ended]).toEqual([0, 1]);
  });
  test('of a path that is out is the only probe', async () => {
    const { pool, clock, take, call, opened } = await setUp();
    for (const message of ['a', 'b', 'c', 'd', 'e']) call({ became: 'failure' }, message);
    expect(opened).toEqual([`${path} opens`]);
    await clock.advance(1000);
    expect(pool.breakers.admittance(path, 'm', clock.nowMs())).toEqual({ admit: 'as-probe' });
    take();
    expect(pool.breakers.admittance(path, 'other', clock.nowMs())).toEqual({ admit: 'no' });
  });
});

describe('what became of a call tells', () => {
  const rows: [string, CallOutcome, { healthy: boolean; limit: number; closes: boolean; shedForMs: number }][] = [
    ['success', { became: 'success' }, { healthy: true, limit: 2, closes: true, shedForMs: 0 }],
    ['refused', { became: 'refused' }, { healthy: false, limit: 1, closes: true, shedForMs: 0 }],
    ['capacity', shed, { healthy: false, limit: 0.5, closes: true, shedForMs: 4000 }],
    ['failure', { became: 'failure' }, { healthy: false, limit: 1, closes: false, shedForMs: 0 }],
    ['ignored', { became: 'ignored' }, { healthy: false, limit: 1, closes: false, shedForMs: 0 }],
  ];
  test.each(rows)('%s', async (_, outcome, { healthy, limit, closes, shedForMs }) => {
    const { pool, clock, call, inputs } = await setUp();
    await clock.advance(1000);
    call(outcome);
    expect(pool.isHealthy(path, clock.nowMs())).toBe(healthy);
    expect(pool.limit).toBe(limit);
    expect(Math.max(0, inputs().shedUntilMs - clock.nowMs())).toBe(shedForMs);
    for (const message of ['a', 'b', 'c', 'd', 'e']) call({ became: 'failure' }, message);
    expect(pool.breakers.isOpen(path)).toBe(true);
    call(outcome, 'late');
    expect(pool.breakers.isOpen(path)).toBe(!closes);
  });

  test('a path is healthy for a minute after a success, and no other path with it', async () => {
    const { pool, clock, call } = await setUp();
    call({ became: 'success' });
    await clock.advance(60_000);
    expect(pool.isHealthy(path, clock.nowMs())).toBe(true);
    expect(pool.isHealthy('/other', clock.nowMs())).toBe(false);
    await clock.advance(1);
    expect(pool.isHealthy(path, clock.nowMs())).toBe(false);
  });
});

describe('a shed', () => {
  test('holds for as long as was asked, and until the load was read again', async () => {
    const { call, inputs, advance } = await setUp();
    await advance(1000);
    call(shed);
    expect(inputs().shedUntilMs).toBe(5000);
    await advance(4000);
    expect(inputs().shedUntilMs).toBe(4000);
  });
  test('holds a minute at most', async () => {
    const { call, inputs, advance } = await setUp();
    call({ became: 'capacity', retryAfterMs: 3_600_000 });
    await advance(5000);
    expect(inputs().shedUntilMs).toBe(60_000);
  });
  test('a shorter one does not end a longer one', async () => {
    const { call, inputs, advance } = await setUp();
    call({ became: 'capacity', retryAfterMs: 30_000 });
    await advance(1000);
    call({ became: 'capacity', retryAfterMs: 1000 });
    await advance(4000);
    expect(inputs().shedUntilMs).toBe(30_000);
  });
});

describe('before our own gateway', () => {
  test('a shed is over with the next reading that finds room, whatever was asked', async () => {
    const { call, inputs, advance, clock } = await setUp('probe', 'gateway');
    await advance(1000);
    call({ became: 'capacity', retryAfterMs: 30_000 });
    expect(inputs().shedUntilMs).toBe(31_000);
    await advance(4000);
    expect(inputs().shedUntilMs).toBeLessThan(clock.now());
  });
  test('a shed while others are served closes nothing', async () => {
    const { call, inputs, clock } = await setUp('probe', 'gateway');
    call({ became: 'success' });
    call({ became: 'capacity', retryAfterMs: 30_000 });
    expect(inputs().shedUntilMs).toBeLessThan(clock.now());
    expect(inputs().quota.calls).toBe(1);
  });
});

test('a gate that has closed stays so between the thresholds, whatever becomes of our calls', async () => {
  const { load, take, advance, clock, inputs } = await setUp();
  const [first, second] = [take('a'), take('b')];
  load.saturation = 1;
  await advance(5000);
  load.saturation = 0.8;
  const watch = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) await advance(1000);
    return inputs().gate;
  };
  expect(await watch(120)).toBe('saturated');
  first.end({ became: 'success' }, clock.nowMs());
  expect(await watch(120)).toBe('saturated');
  second.end({ became: 'success' }, clock.nowMs());
  expect(await watch(59)).toBe('saturated');
  expect(await watch(600)).toBe('saturated');
});

test('an unknown load that counts as open begins no slow start', async () => {
  const { load, call, advance, inputs } = await setUp('open');
  call({ became: 'success' });
  load.saturation = 0.1;
  await advance(5000);
  expect(inputs()).toMatchObject({ gate: 'open', quota: { calls: 2 } });
});

describe('to look changes nothing', () => {
  const step = fc.record({
    event: fc.constantFrom('success', 'capacity', 'failure', 'take', 'full', 'free', 'unknown', 'advance'),
    passedMs: fc.nat(9000),
    aheadMs: fc.nat(100_000),
  });
  test('two looks in a row see the same, and a pool that was looked at goes on as one that was not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const [looked, left] = [await setUp(), await setUp()];
        const permits: [Permit[], Permit[]] = [[], []];
        for (const { event, passedMs, aheadMs } of steps) {
          const at = looked.clock.nowMs();
          const seen = looked.pool.gateInputs(at);
          looked.pool.gateInputs(later(at, aheadMs));
          expect(looked.pool.gateInputs(at)).toEqual(seen);
          for (const [index, { load, clock, take, advance }] of [looked, left].entries()) {
            await clock.advance(passedMs);
            const mine = permits[index]!;
            if (event === 'take') mine.push(take());
            else if (event === 'full') load.saturation = 1;
            else if (event === 'free') load.saturation = 0;
            else if (event === 'unknown') load.saturation = undefined;
            else if (event === 'advance') await advance(0);
            else mine.shift()?.end(event === 'capacity' ? shed : { became: event }, clock.nowMs());
          }
          const now = looked.clock.nowMs();
          expect(looked.pool.gateInputs(now)).toEqual(left.pool.gateInputs(now));
          expect(looked.pool.limit).toBe(left.pool.limit);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('to advance is what a look has seen', async () => {
    const { pool, clock, load, call, advance, inputs } = await setUp();
    call({ became: 'success' });
    load.saturation = 1;
    await advance(5000);
    load.saturation = 0;
    await advance(5000);
    const seen = inputs();
    expect(seen.quota).toEqual({ calls: 1 });
    pool.advance(clock.nowMs());
    expect(inputs()).toEqual(seen);
  });
});

test('before the first reading the gate is not known, and the load is to be read at once', () => {
  const pool = new DispatchPool({
    name: 'pool',
    gatewayUrl: '',
    ceiling: 1,
    whenUnknown: 'probe',
    escalationShare: 0.05,
    onBreaker: nothing,
    onRoom: nothing,
    capacity: new CapacityGate({
      read: () => new Promise(() => undefined),
      refreshMs: 1,
      maxAgeMs: 1,
      openAt: 0,
      closeAt: 1,
      clock: createManualClock(0),
      onReading: nothing,
    }),
  });
  const seen = (atMs: MonotonicMs) => pool.gateInputs(atMs);
  expect(seen(mono(0))).toMatchObject({ gate: undefined, lastGate: 'unknown', inFlight: 0, quota: { calls: 1 } });
  expect(seen(mono(0)).nextReadingAtMs).toBeLessThan(0);
  pool.advance(mono(0));
  expect(seen(mono(0)).nextReadingAtMs).toBe(never);
});
