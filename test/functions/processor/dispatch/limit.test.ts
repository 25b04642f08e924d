import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterEnd,
  afterIdling as afterIdlingAt,
  afterSample,
  afterShed as afterShedAt,
  freshLimit,
  type Limit,
  quota as quotaAt,
  reopened,
} from '../../../../functions/processor/dispatch/limit.ts';
import { mono } from '../../../support/instants.ts';

const ceiling = 64;
const afterIdling = (limit: Limit, inFlight: number, nowMs: number) => afterIdlingAt(limit, inFlight, mono(nowMs));
const afterShed = (limit: Limit, startedAtMs: number, nowMs: number) =>
  afterShedAt(limit, mono(startedAtMs), mono(nowMs));
const quota = (limit: Limit, nowMs: number) => quotaAt(limit, mono(nowMs));
const at = (calls: number, changed: Partial<Limit> = {}): Limit => ({
  ...freshLimit,
  calls,
  isStarting: false,
  roundTripMs: 1000,
  lastEndAtMs: mono(0),
  ...changed,
});

/** One answer while all calls are under way, or as many as are said. */
function answer(
  limit: Limit,
  congestion: number,
  inFlight = Math.max(1, Math.floor(limit.calls)),
  isLoaded = false,
): Limit {
  const share = 1 / Math.max(1, limit.calls);
  return afterSample(limit, { congestion, isLoaded }, { share, inFlight, ceiling });
}

/** One round trip of as many calls as are allowed. */
function trip(limit: Limit, congestion: number): Limit {
  const calls = Math.max(1, Math.floor(limit.calls));
  return Array.from({ length: calls }).reduce<Limit>((now) => answer(now, congestion), limit);
}

test('slow start about doubles every round trip where there is no load, up to the ceiling', () => {
  let limit = freshLimit;
  for (let round = 0; round < 7; round += 1) {
    const before = limit.calls;
    limit = trip(limit, 0);
    expect(limit.calls).toBeGreaterThanOrEqual(Math.min(ceiling, 1.8 * before));
  }
  expect(limit.calls).toBe(ceiling);
});

describe('one sample later', () => {
  const factor = (step: number) => Math.exp(0.5 * step);
  const rows: [string, Limit, number, Parameters<typeof answer>[2], number][] = [
    ['no load, in slow start', at(10, { isStarting: true }), 0, 10, 11],
    ['some load, in slow start', at(10, { isStarting: true }), 1, 10, 11],
    ['too much load, in slow start', at(10, { isStarting: true }), 2, 10, 10 * factor(-0.1) + 0.01],
    ['no load, in slow start, half used', at(10, { isStarting: true }), 0, 5, 11],
    ['no load, in slow start, less used', at(10, { isStarting: true }), 0, 4, 10],
    ['no load, later', at(10), 0, 10, 10 * factor(0.1) + 0.01],
    ['as much as there may be', at(10), 1, 10, 10.01],
    ['twice as much', at(10), 2, 10, 10 * factor(-0.1) + 0.01],
    ['four times as much counts as three times', at(10), 4, 10, 10 * factor(-0.2) + 0.01],
    ['a hundred times', at(10), 100, 10, 10 * factor(-0.2) + 0.01],
    ['one call less than allowed is use of all', at(10), 1, 9, 10.01],
    ['what is not used is lost', at(10), 1, 5, 10.01 - (0.5 * 4) / 10],
    ['half used: grows, and loses what is not used', at(16), 0, 8, 16 * factor(1 / 16) + 0.1 / 16 - (0.5 * 7) / 16],
    ['less: loses', at(16), 0, 7, 16 + 0.1 / 16 - (0.5 * 8) / 16],
    ['below one, a sample is a whole round trip', at(0.25), 1, 1, 0.35],
    ['below one, it is quick to return', at(0.25), 0.5, 1, 0.25 * Math.E + 0.1],
    ['below one, it shrinks as ever', at(0.5), 2, 1, 0.5 * factor(-1) + 0.1],
    ['at the ceiling', at(64), 0, 64, 64],
    ['at the floor', at(1 / 16), 100, 1, (1 / 16) * factor(-2) + 0.1],
  ];
  test.each(rows)('%s', (_, limit, congestion, inFlight, expected) => {
    expect(answer(limit, congestion, inFlight).calls).toBeCloseTo(expected, 9);
  });
  test('a sample of half the share changes it by the root', () => {
    const sample = { congestion: 2, isLoaded: true };
    const whole = afterSample(at(10), sample, { share: 0.2, inFlight: 10, ceiling }).calls - 0.02;
    const half = afterSample(at(10), sample, { share: 0.1, inFlight: 10, ceiling }).calls - 0.01;
    expect(half / 10).toBeCloseTo(Math.sqrt(whole / 10), 9);
  });
});

test('slow start ends where load is seen, and not before', () => {
  const starting = at(10, { isStarting: true });
  expect(answer(starting, 3, 10, false).isStarting).toBe(true);
  expect(answer(starting, 0, 10, true).isStarting).toBe(false);
});

test('the sum over instances changes alike, however many share it', () => {
  for (const instances of [1, 8, 32]) {
    const each = 32 / instances;
    const sample = { congestion: 2, isLoaded: true };
    const after = afterSample(at(each), sample, { share: 0.5, inFlight: each, ceiling }).calls;
    expect(((after - 0.05) * instances) / 32).toBeCloseTo(Math.exp(-0.25), 9);
  }
});

test('a small limit that is used catches up with a large one that is not', () => {
  let [small, large] = [at(2), at(40)];
  const messages = 20;
  for (let round = 0; round < 60; round += 1) {
    const used = Math.min(messages, large.calls) + Math.min(messages, small.calls);
    large = Array.from({ length: 20 }).reduce<Limit>((now) => answer(now, used / 42, messages), large);
    small = trip(small, used / 42);
  }
  expect(small.calls).toBeGreaterThan(15);
  expect(large.calls).toBeLessThan(24);
});

describe('a shed', () => {
  const rows: [string, Limit, number][] = [
    ['halves it', at(10), 5],
    ['below one too', at(1), 0.5],
    ['never below the floor', at(1 / 16), 1 / 16],
    ['of a call from before the last cut says nothing new', at(10, { cutAtMs: mono(1001) }), 10],
    ['of a call from after it does', at(10, { cutAtMs: mono(1000) }), 5],
  ];
  test.each(rows)('%s', (_, limit, expected) => {
    expect(afterShed(limit, 1000, 2000).calls).toBeCloseTo(expected, 9);
  });
  test('ends slow start', () => {
    expect(afterShed(freshLimit, 0, 1).isStarting).toBe(false);
  });
  test('a burst of them is one', () => {
    const burst = Array.from({ length: 64 }).reduce<Limit>(
      (limit, _, index) => afterShed(limit, 0, 1000 + index),
      at(64),
    );
    expect(burst.calls).toBe(32);
  });
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
});

describe('slow start begins anew', () => {
  const rows: [string, Limit, { calls: number; isStarting: boolean }][] = [
    ['after the gate was closed', reopened(at(40), 0), { calls: 1, isStarting: true }],
    ['from the calls that are under way', reopened(at(40), 7), { calls: 7, isStarting: true }],
    ['never from more than before', reopened(at(4), 7), { calls: 4, isStarting: true }],
    ['from a rest', reopened(at(0.25), 0), { calls: 0.25, isStarting: true }],
    ['after ten seconds without a call', afterIdling(at(40), 0, 10_000), { calls: 1, isStarting: true }],
    ['not before', afterIdling(at(40), 0, 9999), { calls: 40, isStarting: false }],
    ['not while one is under way', afterIdling(at(40), 1, 10_000), { calls: 40, isStarting: false }],
    ['not below one: that is no idling', afterIdling(at(0.25), 0, 90_000), { calls: 0.25, isStarting: false }],
  ];
  test.each(rows)('%s', (_, limit, expected) => {
    expect(limit).toMatchObject(expected);
  });
});

test('the round trip is a mean over eight calls that succeeded', () => {
  const limit = at(1, { roundTripMs: 2000 });
  expect(afterEnd(limit, mono(7), 1000)).toMatchObject({ roundTripMs: 1875, lastEndAtMs: 7 });
  expect(afterEnd(limit, mono(7))).toMatchObject({ roundTripMs: 2000, lastEndAtMs: 7 });
});

test('it stays between 1/16 and the ceiling, and a sample takes no more than its share', () => {
  const event = fc.record({
    congestion: fc.double({ min: 0, max: 1e6, noNaN: true }),
    share: fc.double({ min: 0.001, max: 1, noNaN: true }),
    inFlight: fc.integer({ min: 1, max: 80 }),
    isLoaded: fc.boolean(),
    next: fc.constantFrom('nothing', 'shed', 'reopened', 'idle'),
  });
  fc.assert(
    fc.property(fc.array(event), (events) => {
      let limit = freshLimit;
      for (const [index, { next, share, inFlight, ...sample }] of events.entries()) {
        const before = limit.calls;
        limit = afterSample(limit, sample, { share, inFlight, ceiling });
        expect(limit.calls).toBeGreaterThanOrEqual(Math.min(before, before * Math.exp(-share) - 0.5 * share * before));
        if (next === 'shed') limit = afterShed(limit, index * 1000, index * 1000 + 500);
        if (next === 'reopened') limit = reopened(limit, inFlight - 1);
        if (next === 'idle') limit = afterIdling(limit, 0, index * 20_000);
        expect(limit.calls).toBeGreaterThanOrEqual(1 / 16);
        expect(limit.calls).toBeLessThanOrEqual(ceiling);
      }
    }),
  );
});
