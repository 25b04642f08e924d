import { describe, expect, test } from 'vitest';
import { CallLimit } from '../../../../functions/processor/dispatch/call-limit.ts';
import type { CallOutcome } from '../../../../functions/processor/dispatch/permit.ts';
import { StreamGaps } from '../../../../functions/processor/dispatch/stream-pace.ts';
import { mono } from '../../../support/instants.ts';

const ceiling = 64;
const success: CallOutcome = { became: 'success' };
const shed: CallOutcome = { became: 'capacity', retryAfterMs: 0 };

/** A limit before calls, as many at once as it allows. */
function setUp() {
  const limit = new CallLimit(ceiling);
  let nowMs = 0;
  const ended = (
    outcome: CallOutcome,
    { inFlight = 1, tookMs = 100, heardEvents = 0, isIdle = false, isQueued = false } = {},
  ): { readonly isShed: boolean } =>
    limit.ended(outcome, {
      startedAtMs: mono(nowMs - tookMs),
      endedAtMs: mono(nowMs),
      inFlight,
      heardEvents,
      isIdle,
      isQueued,
    });
  const trip = (outcome: CallOutcome = success, tookMs = 100, isIdle = false) => {
    const calls = Math.max(1, Math.floor(limit.calls));
    nowMs += tookMs;
    for (let index = 0; index < calls; index += 1) ended(outcome, { inFlight: calls, tookMs, isIdle });
    return limit.calls;
  };
  return {
    limit,
    ended,
    trip,
    trips: (count: number, outcome?: CallOutcome, tookMs?: number) => {
      for (let turn = 0; turn < count; turn += 1) trip(outcome, tookMs);
      return limit.calls;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    heard: (stream: StreamGaps, inFlight: number) => limit.heard(stream, inFlight, mono(nowMs)),
    advance: (isClosed = false, inFlight = 0, isQueued = false) =>
      limit.advance({ inFlight, isClosed, isQueued }, mono(nowMs)),
    quota: (isClosed = false, inFlight = 0, isQueued = false) =>
      limit.quota({ inFlight, isClosed, isQueued }, mono(nowMs)),
  };
}

/** A success that wrote 100 tokens at this pace. */
const generated = (msPerToken: number): CallOutcome => ({
  became: 'success',
  generation: { outputTokens: 100, durationMs: 100 * msPerToken },
});

test('grows by slow start from one call', () => {
  const { trips } = setUp();
  expect(Math.floor(trips(1))).toBe(2);
  expect(trips(3)).toBeGreaterThan(12);
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
  const before = trip();
  expect(trip(outcome)).toBe(before);
});

describe('calls that are as slow as real-time work is promised not to be', () => {
  test('end slow start, and shrink the limit below one', () => {
    const { limit, trips } = setUp();
    trips(5, generated(10), 1000);
    expect(limit.calls).toBeGreaterThan(16);
    trips(12, generated(200), 20_000);
    expect(limit.calls).toBeLessThan(1);
  });
  test('hold it where they are a little slower than that', () => {
    const { limit, trips } = setUp();
    trips(5, generated(10), 1000);
    trips(5, generated(40), 4000);
    const held = limit.calls;
    trips(5, generated(40), 4000);
    expect(limit.calls).toBeGreaterThan(0.5 * held);
    expect(limit.calls).toBeLessThan(2 * held);
  });
  test('are no load where the pool is as slow while it is idle', () => {
    const { limit, trip, trips } = setUp();
    for (let turn = 0; turn < 3; turn += 1) trip(generated(65), 6500, true);
    trips(10, generated(65), 6500);
    expect(limit.calls).toBeGreaterThan(4);
  });
  test('do not raise what is promised once many are under way: that may be our own load', () => {
    const { limit, trip, trips } = setUp();
    trips(5, generated(10), 1000);
    for (let turn = 0; turn < 20; turn += 1) trip(generated(200), 20_000, true);
    expect(limit.calls).toBeLessThan(1);
  });
});

describe('the gaps between the tokens of streams', () => {
  test.each([
    ['grow the limit while they are short', 10, 2, 64],
    ['shrink it while they are long', 120, 1 / 16, 0.9],
  ])('%s', (_, gapMs, least, most) => {
    const { limit, heard, pass } = setUp();
    const stream = new StreamGaps();
    for (let token = 0; token < 2000; token += 1) {
      heard(stream, Math.max(1, Math.floor(limit.calls)));
      pass(gapMs);
    }
    expect(limit.calls).toBeGreaterThanOrEqual(least);
    expect(limit.calls).toBeLessThanOrEqual(most);
  });
  test('are followed four times a second, and a silence is not made up for', () => {
    const { limit, heard, pass } = setUp();
    const stream = new StreamGaps();
    const seen = new Set<number>();
    for (let token = 0; token < 101; token += 1) {
      heard(stream, Math.floor(limit.calls));
      seen.add(limit.calls);
      pass(10);
    }
    expect(seen.size).toBe(5);
    const before = limit.calls;
    pass(60_000);
    heard(stream, 1);
    expect(limit.calls).toBeGreaterThan(0.3 * before);
  });
  test('are what a call is judged by: its end says nothing more', () => {
    const { limit, ended } = setUp();
    ended(generated(10), { heardEvents: 100 });
    expect(limit.calls).toBe(1);
  });
  test('of events with several tokens are as many times shorter', () => {
    const { limit, ended, heard, pass } = setUp();
    for (let call = 0; call < 40; call += 1) ended(generated(10), { heardEvents: 25 });
    const stream = new StreamGaps();
    for (let event = 0; event < 400; event += 1) {
      heard(stream, Math.max(1, Math.floor(limit.calls)));
      pass(80);
    }
    expect(limit.calls).toBeGreaterThan(4);
  });
});

describe('a closed gate', () => {
  test('leaves the limit, and after it the limit begins anew with one call', () => {
    const { trips, advance, quota } = setUp();
    const calls = Math.floor(trips(4));
    advance(true);
    expect(quota(true)).toEqual({ calls });
    advance();
    expect(quota()).toEqual({ calls: 1 });
    expect(trips(4)).toBeGreaterThan(12);
  });
  test('that opens while calls are under way goes on from those', () => {
    const { trips, advance, quota } = setUp();
    trips(4);
    advance(true, 5);
    advance(false, 5);
    expect(quota(false, 5)).toEqual({ calls: 5 });
  });
});

test('ten seconds without a call begin anew', () => {
  const { trips, pass, quota } = setUp();
  const calls = Math.floor(trips(4));
  pass(9999);
  expect(quota()).toEqual({ calls });
  pass(1);
  expect(quota()).toEqual({ calls: 1 });
});

test('to ask for the quota changes nothing, whatever the question', () => {
  const { trips, pass, quota, limit } = setUp();
  const calls = trips(4);
  const before = quota();
  pass(60_000);
  quota(true);
  quota();
  quota(true, 3);
  expect(limit.calls).toBe(calls);
  pass(-60_000);
  expect(quota()).toEqual(before);
});

test('below one call it rests, and tells until when', () => {
  const { trip, quota } = setUp();
  expect(trip(shed)).toBe(0.5);
  expect(trip(shed)).toBe(0.25);
  expect(quota()).toEqual({ calls: 0, untilMs: expect.any(Number) });
});

describe('calls within a time', () => {
  test('are infinitely many while the limit is not known', () => {
    const { limit, trips } = setUp();
    trips(3);
    expect(limit.callsWithin(1000)).toBe(Number.POSITIVE_INFINITY);
  });
  test('are those of the limit, a little less, once load was seen', () => {
    const { limit, trips, advance } = setUp();
    trips(5, generated(10), 1000);
    trips(40, generated(40), 4000);
    expect(limit.callsWithin(200_000) / limit.calls).toBeGreaterThan(38);
    expect(limit.callsWithin(200_000) / limit.calls).toBeLessThan(43);
    advance(true);
    expect(limit.callsWithin(21_000)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('before our own gateway, which queues what is more', () => {
  const queued = { isQueued: true };
  test('the pace says nothing: calls wait in its queue', () => {
    const { limit, ended, pass } = setUp();
    for (let call = 0; call < 200; call += 1) {
      pass(1000);
      ended(generated(200), { ...queued, inFlight: Math.floor(limit.calls), tookMs: 20_000 });
    }
    expect(limit.calls).toBe(ceiling);
  });
  test('eight calls may begin before the first answer, and no more than the ceiling; a limit that was cut stays', () => {
    const { limiter, advance, quota, ended } = { ...setUp(), limiter: new CallLimit(4) };
    expect(quota()).toEqual({ calls: 1 });
    expect(quota(false, 0, true)).toEqual({ calls: 8 });
    advance(false, 0, true);
    expect(limiter.quota({ inFlight: 0, isClosed: false, isQueued: true }, mono(0))).toEqual({ calls: 4 });
    ended(success, queued);
    ended(shed, { ...queued, inFlight: 3 });
    expect(quota(false, 0, true)).toEqual({ calls: 2 });
  });
  test('a refusal while others are served holds the limit, and one that comes alone halves it', () => {
    const { limit, ended, pass, trips } = setUp();
    trips(4);
    expect(limit.calls).toBe(16);
    ended(success, { ...queued, inFlight: 16 });
    pass(50);
    expect(ended(shed, { ...queued, inFlight: 16 })).toEqual({ isShed: false });
    expect(limit.calls).toBe(15);
    pass(60_000);
    expect(ended(shed, { ...queued, inFlight: 15, tookMs: 10_000 })).toEqual({ isShed: true });
    expect(limit.calls).toBe(7.5);
  });
  test('a call that waited as long as another was served is no reason to leave it alone', () => {
    const { ended, pass } = setUp();
    ended(success, queued);
    pass(9000);
    expect(ended(shed, { ...queued, tookMs: 10_000 })).toEqual({ isShed: false });
  });
  test('before another gateway each refusal is one', () => {
    const { ended } = setUp();
    ended(success);
    expect(ended(shed)).toEqual({ isShed: true });
  });
  test('neither a closed gate nor a time without calls begins anew', () => {
    const { trips, advance, pass, quota } = setUp();
    const calls = Math.floor(trips(4));
    advance(true, 0, true);
    advance(false, 0, true);
    pass(60_000);
    expect(quota(false, 0, true)).toEqual({ calls });
  });
});
