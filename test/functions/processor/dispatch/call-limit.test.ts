import { describe, expect, test } from 'vitest';
import { CallLimit } from '../../../../functions/processor/dispatch/call-limit.ts';
import type { CallOutcome } from '../../../../functions/processor/dispatch/permit.ts';
import { mono } from '../../../support/instants.ts';

const ceiling = 64;
const success: CallOutcome = { became: 'success' };
const shed: CallOutcome = { became: 'capacity', retryAfterMs: 0 };

/** A limit before calls of one second each, as many at once as it allows. */
function setUp() {
  const limit = new CallLimit(ceiling);
  let nowMs = 0;
  const ended = (outcome: CallOutcome, inFlight: number, tookMs: number): void =>
    limit.ended(outcome, { startedAtMs: mono(nowMs - tookMs), endedAtMs: mono(nowMs), inFlight });
  return {
    limit,
    ended,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** One round trip at the full limit; `outcomeOf` its calls. */
    trip(outcomeOf: (index: number) => CallOutcome = () => success, tookMs = 1000) {
      const calls = Math.max(1, Math.floor(limit.calls));
      nowMs += tookMs;
      for (let index = 0; index < calls; index += 1) ended(outcomeOf(index), calls, tookMs);
      return limit.calls;
    },
    advance: (closedBy?: 'reading' | 'shed', inFlight = 0) => limit.advance(inFlight, closedBy, mono(nowMs)),
    quota: (closedBy?: 'reading' | 'shed', inFlight = 0) => limit.quota(inFlight, closedBy, mono(nowMs)),
  };
}

/** A success that wrote 100 tokens in `durationMs`, or as many as the test says. */
const generated = (durationMs: number, model = 'm', outputTokens = 100): CallOutcome => ({
  became: 'success',
  generation: { model, promptTokens: 100, outputTokens, durationMs },
});

test('grows by slow start from one call', () => {
  const { trip } = setUp();
  expect([1, 2, 3].map(() => trip())).toEqual([2, 4, 8]);
});

test('grows up to its ceiling and no further', () => {
  const { trip } = setUp();
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => trip())).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
});

test.each<[string, CallOutcome]>([
  ['a refusal of the request', { became: 'refused' }],
  ['a failure', { became: 'failure' }],
  ['a call that was ignored', { became: 'ignored' }],
])('%s tells nothing of room', (_, outcome) => {
  const { trip } = setUp();
  trip();
  expect(trip(() => outcome)).toBe(2);
});

describe('a closed gate', () => {
  test.each<['reading' | 'shed', number | undefined]>([
    ['reading', 16],
    ['shed', 8],
  ])('that was closed by a %s begins anew with one call, doubling to %s after four trips', (closedBy, after) => {
    const { trip, advance, quota } = setUp();
    for (let turn = 0; turn < 3; turn += 1) trip();
    advance(closedBy);
    expect(quota(closedBy)).toEqual({ calls: 8 });
    advance();
    expect(quota()).toEqual({ calls: 1 });
    const grown = [1, 2, 3, 4].map(() => trip());
    // After a shed slow start ends at what was allowed before; then it is one more a round trip.
    expect(closedBy === 'shed' ? Math.floor(grown[2]!) : grown[3]).toBe(after);
    if (closedBy === 'shed') expect(grown[3]).toBeLessThan(9.1);
  });
  test('that a shed closes while a reading had, begins anew as after a reading', () => {
    const { trip, advance } = setUp();
    for (let turn = 0; turn < 3; turn += 1) trip();
    advance('reading');
    advance('shed');
    advance();
    expect([1, 2, 3, 4].map(() => trip())).toEqual([2, 4, 8, 16]);
  });
  test('that opens while calls are under way goes on from those', () => {
    const { trip, advance, quota } = setUp();
    for (let turn = 0; turn < 3; turn += 1) trip();
    advance('reading', 5);
    advance(undefined, 5);
    expect(quota(undefined, 5)).toEqual({ calls: 5 });
  });
});

test('ten seconds without a call begin anew', () => {
  const { trip, pass, quota } = setUp();
  for (let turn = 0; turn < 3; turn += 1) trip();
  pass(9999);
  expect(quota()).toEqual({ calls: 8 });
  pass(1);
  expect(quota()).toEqual({ calls: 1 });
});

test('to ask for the quota changes nothing, whatever the question', () => {
  const { trip, pass, quota, limit } = setUp();
  for (let turn = 0; turn < 3; turn += 1) trip();
  const before = quota();
  pass(60_000);
  quota('reading');
  quota();
  quota('shed', 3);
  expect(limit.calls).toBe(8);
  pass(-60_000);
  expect(quota()).toEqual(before);
});

test('below one call it rests, and tells until when', () => {
  const { trip, quota } = setUp();
  expect([trip(() => shed), trip(() => shed)]).toEqual([0.5, 0.25]);
  expect(quota()).toEqual({ calls: 0, untilMs: expect.any(Number) });
});

describe('calls that have become slow', () => {
  const slow = 10_000;
  test.each([
    ['end slow start, though all succeed', slow, 20, 40],
    ['not where they are as quick as ever', 1000, 64, 64],
  ])('%s', (_, tookMs, least, most) => {
    const { limit, trip } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip(() => generated(1000));
    expect(limit.calls).toBe(32);
    trip(() => generated(tookMs), tookMs);
    expect(limit.calls).toBeGreaterThanOrEqual(least);
    expect(limit.calls).toBeLessThanOrEqual(most);
  });
  test('are compared with calls of their own kind alone', () => {
    const { limit, trip } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip(() => generated(1000, 'small'));
    trip(() => generated(10_000, 'large'), 10_000);
    expect(limit.calls).toBe(64);
  });
  test('are compared by the time per token, whatever their number within a power of two', () => {
    const { limit, trip } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip(() => generated(640, 'm', 64));
    trip(() => generated(1270 * 3, 'm', 127), 1000);
    expect(limit.calls, 'three times as slow, not six').toBe(64);
  });
  test('are known of several kinds at once', () => {
    const { limit, trip } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip((index) => generated(1000, index % 2 === 0 ? 'one' : 'two'));
    trip((index) => generated(10_000, index % 2 === 0 ? 'one' : 'two'), 10_000);
    expect(limit.calls).toBeLessThan(64);
  });
  test('count from the moment of a cut on', () => {
    const { limit, trip, pass, ended } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip(() => generated(1000));
    trip(() => generated(slow), slow);
    const cut = limit.calls;
    // They begin at the very moment of the cut, which is over with the last trip.
    pass(2000);
    for (let call = 0; call < 8; call += 1) ended(generated(slow), 1, 2000);
    expect(limit.calls).toBeLessThan(cut);
  });
  test('after a cut, calls that began before it cut nothing more', () => {
    const { limit, trip, ended, pass } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip(() => generated(1000));
    trip(() => generated(10_000), 10_000);
    const cut = limit.calls;
    pass(5000);
    for (let late = 0; late < 20; late += 1) ended(generated(20_000), 16, 20_000);
    expect(limit.calls).toBe(cut);
  });
  test('after a cut, eight calls have to tell again before there is another', () => {
    const { limit, trip, pass, ended } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip(() => generated(1000));
    trip(() => generated(slow), slow);
    const cut = limit.calls;
    pass(2000);
    for (let call = 0; call < 7; call += 1) ended(generated(slow), 1, 1000);
    expect(limit.calls).toBe(cut);
    ended(generated(slow), 1, 1000);
    expect(limit.calls).toBeLessThan(cut);
  });
  test('a kind that was not seen for a long time is forgotten when there are 512 others', () => {
    const { limit, trip, ended, pass } = setUp();
    for (let turn = 0; turn < 5; turn += 1) trip(() => generated(1000));
    for (let kind = 0; kind < 512; kind += 1) ended(generated(1000, `m${kind}`), 1, 1000);
    pass(2000);
    const before = limit.calls;
    for (let slow = 0; slow < 8; slow += 1) ended(generated(10_000), 1, 1000);
    expect(limit.calls).toBe(before);
  });
});
