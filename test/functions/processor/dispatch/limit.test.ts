import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterCall,
  afterIdling as afterIdlingAt,
  type EndedCall,
  freshLimit,
  type Limit,
  quota as quotaAt,
  reopened as reopenedAt,
  resumed as resumedAt,
  type SampleOutcome,
} from '../../../../functions/processor/dispatch/limit.ts';
import { mono } from '../../../support/instants.ts';

const ceiling = 64;
const afterIdling = (limit: Limit, inFlight: number, nowMs: number) => afterIdlingAt(limit, inFlight, mono(nowMs));
const reopened = (limit: Limit, inFlight: number, nowMs: number) => reopenedAt(limit, inFlight, mono(nowMs));
const resumed = (limit: Limit, inFlight: number, nowMs: number) => resumedAt(limit, inFlight, mono(nowMs));
const quota = (limit: Limit, nowMs: number) => quotaAt(limit, mono(nowMs));

/** One round trip of as many calls as are allowed, each a second long. */
function trip(limit: Limit, atMs: number, call: Partial<EndedCall> = {}): Limit {
  const calls = Math.max(1, Math.floor(limit.calls));
  const ended = {
    outcome: 'success' as SampleOutcome,
    startedAtMs: mono(atMs),
    endedAtMs: mono(atMs + 1000),
    slowness: undefined,
    ...call,
  };
  return Array.from({ length: calls }).reduce<Limit>(
    (now) => afterCall(now, { inFlight: calls, ...ended }, ceiling),
    limit,
  );
}
const at = (calls: number, changed: Partial<Limit> = {}): Limit => ({
  ...freshLimit,
  calls,
  doublesTo: calls,
  roundTripMs: 1000,
  lastEndAtMs: mono(0),
  ...changed,
});

test('slow start doubles every round trip, up to the ceiling', () => {
  let limit = freshLimit;
  const calls = [0, 1, 2, 3, 4, 5, 6, 7].map((turn) => {
    limit = trip(limit, turn * 1000);
    return limit.calls;
  });
  expect(calls).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
});

test('beyond, one more every round trip', () => {
  expect(trip(at(10), 0).calls).toBeCloseTo(11, 0);
});

describe('one call later', () => {
  const rows: [string, Limit, Partial<EndedCall>, number][] = [
    ['success while the limit is used', at(10), {}, 10.1],
    ['success while it is not', at(10), { inFlight: 9 }, 10],
    ['in slow start, half of it is use enough', at(10, { doublesTo: 64 }), { inFlight: 5 }, 11],
    ['in slow start, less is not', at(10, { doublesTo: 64 }), { inFlight: 4 }, 10],
    ['slow start ends where it should', at(10, { doublesTo: 10.5 }), {}, 10.5],
    ['at the ceiling', at(64), { inFlight: 64 }, 64],
    ['shed', at(10), { outcome: 'dropped' }, 5],
    ['shed at one', at(1), { outcome: 'dropped' }, 0.5],
    ['shed at the floor', at(1 / 16), { outcome: 'dropped' }, 1 / 16],
    ['shed again within a second', at(10, { cutAtMs: mono(1001) }), { outcome: 'dropped' }, 10],
    ['shed again after a second', at(10, { cutAtMs: mono(1000) }), { outcome: 'dropped' }, 5],
    ['shed, but from before the last cut', at(10, { sinceMs: mono(1001) }), { outcome: 'dropped' }, 10],
    ['success from before the last cut', at(10, { sinceMs: mono(1001) }), {}, 10],
    ['an error that says nothing', at(10), { outcome: 'ignore' }, 10],
    ['four times as slow', at(10), { slowness: 4 }, 10.1],
    ['five times', at(10), { slowness: 5 }, 8],
    ['twenty times', at(10), { slowness: 20 }, 5],
    ['slow, but from before the last cut', at(10, { sinceMs: mono(1001) }), { slowness: 20 }, 10],
    ['slow at one: no rest', at(1), { slowness: 20, inFlight: 0 }, 1],
    ['success below one', at(1 / 16), {}, 1 / 4],
    ['success just below one', at(0.5), {}, 1],
  ];
  test.each(rows)('%s', (_, limit, changed, expected) => {
    const call = {
      outcome: 'success' as SampleOutcome,
      startedAtMs: mono(1000),
      endedAtMs: mono(2000),
      inFlight: 10,
      slowness: undefined,
    };
    expect(afterCall(limit, { ...call, ...changed }, ceiling).calls).toBe(expected);
  });
});

test('a burst of sheds is one', () => {
  const burst = Array.from({ length: 64 }).reduce<Limit>(
    (limit, _, index) =>
      afterCall(
        limit,
        {
          outcome: 'dropped',
          startedAtMs: mono(0),
          endedAtMs: mono(1000 + index * 100),
          inFlight: 64 - index,
          slowness: undefined,
        },
        ceiling,
      ),
    at(64),
  );
  expect(burst.calls).toBe(32);
});

describe('below one call, one is under way for that share of the time', () => {
  const rows: [string, Partial<Limit>, number, object][] = [
    ['half of the time', { calls: 0.5 }, 5999, { calls: 0, untilMs: 6000 }],
    ['and then', { calls: 0.5 }, 6000, { calls: 1 }],
    ['a quarter, of longer calls', { calls: 0.25, roundTripMs: 4000 }, 16_999, { calls: 0, untilMs: 17_000 }],
    ['half a minute at most', { calls: 1 / 16, roundTripMs: 8000 }, 34_999, { calls: 0, untilMs: 35_000 }],
    ['one', { calls: 1 }, 5000, { calls: 1 }],
    ['fractions above one do not count', { calls: 2.9 }, 5000, { calls: 2 }],
  ];
  test.each(rows)('%s', (_, changed, nowMs, expected) => {
    expect(quota(at(1, { lastEndAtMs: mono(5000), ...changed }), nowMs)).toEqual(expected);
  });

  test('from the floor it is back in slow start after two calls', () => {
    const back = [0, 1].reduce((limit, turn) => trip(limit, turn * 1000), at(1 / 16));
    expect(back).toMatchObject({ calls: 1, doublesTo: Number.POSITIVE_INFINITY });
  });
});

describe('slow start begins anew', () => {
  const rows: [string, Limit, { calls: number; doublesTo: number }][] = [
    ['after the gate was closed', reopened(at(40), 0, 9000), { calls: 1, doublesTo: Number.POSITIVE_INFINITY }],
    ['though calls are under way', reopened(at(40), 7, 9000), { calls: 7, doublesTo: Number.POSITIVE_INFINITY }],
    ['from a rest too', reopened(at(0.25), 0, 9000), { calls: 1, doublesTo: Number.POSITIVE_INFINITY }],
    ['after a shed, to where it was cut', resumed(at(20), 0, 9000), { calls: 1, doublesTo: 20 }],
    ['after a shed, from what is under way', resumed(at(20), 30, 9000), { calls: 20, doublesTo: 20 }],
    ['after a shed at the floor', resumed(at(0.25), 0, 9000), { calls: 0.25, doublesTo: 0.25 }],
    [
      'after ten seconds without a call',
      afterIdling(at(40), 0, 10_000),
      { calls: 1, doublesTo: Number.POSITIVE_INFINITY },
    ],
    ['not before', afterIdling(at(40), 0, 9999), { calls: 40, doublesTo: 40 }],
    ['not while one is under way', afterIdling(at(40), 1, 10_000), { calls: 40, doublesTo: 40 }],
    ['not below one: that is no idling', afterIdling(at(0.25), 0, 90_000), { calls: 0.25, doublesTo: 0.25 }],
  ];
  test.each(rows)('%s', (_, limit, expected) => {
    expect(limit).toMatchObject(expected);
  });
});

test('it stays between 1/16 and the ceiling, and no more than half is lost a second', () => {
  const event = fc.record({
    outcome: fc.constantFrom<SampleOutcome>('success', 'ignore', 'dropped'),
    tookMs: fc.nat(5000),
    passedMs: fc.nat(3000),
    inFlight: fc.integer({ min: 1, max: 80 }),
    slowness: fc.option(fc.double({ min: 0.5, max: 50, noNaN: true }), { nil: undefined }),
    next: fc.constantFrom('nothing', 'reopened', 'resumed', 'idle'),
  });
  fc.assert(
    fc.property(fc.array(event), (events) => {
      let limit = freshLimit;
      let nowMs = 0;
      for (const { tookMs, passedMs, next, ...call } of events) {
        nowMs += passedMs;
        const before = limit;
        limit = afterCall(limit, { ...call, startedAtMs: mono(nowMs - tookMs), endedAtMs: mono(nowMs) }, ceiling);
        expect(limit.calls).toBeGreaterThanOrEqual(Math.min(before.calls, Math.max(1 / 16, before.calls / 2)));
        if (limit.calls < before.calls) expect(nowMs - before.cutAtMs).toBeGreaterThanOrEqual(1000);
        if (next === 'reopened') limit = reopened(limit, call.inFlight - 1, nowMs);
        if (next === 'resumed') limit = resumed(limit, call.inFlight - 1, nowMs);
        if (next === 'idle') limit = afterIdling(limit, 0, nowMs + 10_000);
        expect(limit.calls).toBeGreaterThanOrEqual(1 / 16);
        expect(limit.calls).toBeLessThanOrEqual(ceiling);
      }
    }),
  );
});
