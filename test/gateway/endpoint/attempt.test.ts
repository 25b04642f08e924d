import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Attempt } from '../../../gateway/endpoint/attempt.ts';
import type { AttemptOutcome } from '../../../gateway/endpoint/health/ejection.ts';
import { nothingHeld } from '../../../gateway/endpoint/in-flight.ts';
import { oneEndpoint, openAttempt } from '../../support/attempts.ts';
import { teachSteps } from '../../support/known-steps.ts';
import { ends, poolOf } from '../../support/pools.ts';

/** A world in which first tokens are expected after as long as the endpoint's model says. */
const modelled = () => oneEndpoint({ expectedInMs: undefined });

describe('times of an attempt', () => {
  test('they are those of the request: the first token since its arrival, the others since the first', () => {
    const { clock, run } = oneEndpoint();
    const { attempt, chunk } = run({ arrivedAtMs: 900 });
    const seen = () => [attempt.ttftMs, attempt.tpotMs, attempt.progressTokens(clock.nowMs)];
    expect(seen()).toEqual([undefined, undefined, 0]);
    clock.nowMs = 1050;
    chunk();
    expect(seen()).toEqual([150, undefined, 1]);
    for (const atMs of [1070, 1100, 1110]) {
      clock.nowMs = atMs;
      chunk();
    }
    expect(seen()).toEqual([150, 20, 4]);
  });

  test('the progress of an answer that comes whole follows from its prompt and the engine’s pace', () => {
    const { clock, run } = oneEndpoint();
    const { attempt } = run({ stream: false, promptTokens: 1000, expectedInMs: 30 });
    attempt.chunk(clock.nowMs);
    expect(attempt.ttftMs).toBeUndefined();
    expect(attempt.progressTokens(1030)).toBe(0);
    expect(attempt.progressTokens(1230)).toBe(10);
  });

  test('its progress goes by the pace of the streams beside it', () => {
    const { clock, run } = oneEndpoint();
    const whole = run({ stream: false, expectedInMs: 10 });
    const stream = run();
    for (let chunk = 0; chunk < 11; chunk += 1) {
      clock.nowMs += 10;
      stream.chunk();
    }
    expect(whole.attempt.progressTokens(clock.nowMs)).toBe(10);
  });

  test('tokens that the answer reports count, and its chunks where it reports none', () => {
    const { clock, run } = oneEndpoint();
    const { attempt, chunk, served } = run();
    for (let count = 0; count < 5; count += 1) {
      chunk();
      clock.nowMs += 30;
    }
    expect(attempt.tpotMs).toBe(30);
    served(13);
    expect(attempt.tpotMs).toBe(10);
  });
});

describe('what an attempt teaches', () => {
  test('a first chunk that came later than it would have alone was queued for so long, and that fades', () => {
    const { clock, endpoint, limiter, run, reads } = oneEndpoint();
    const { chunk } = run({ ttftSloMs: 1000 });
    clock.nowMs += endpoint.predict(endpoint.featuresOf(1, 0)).ttftAloneMs + 2000;
    chunk();
    reads({ running: 1 });
    // A tenth of two seconds, of half a second that may be spent in a queue.
    expect(limiter.pressure).toBeCloseTo(200 / 500, 1);
    clock.nowMs += 20_000;
    reads();
    expect(limiter.pressure).toBeLessThan(0.01);
  });

  test('a complete answer tells its pace: whole ones by their length, streams by tokens in a chunk', () => {
    const { clock, endpoint, run } = oneEndpoint();
    const [short, long] = [run({ stream: false }), run({ stream: false })];
    clock.nowMs += 400;
    short.served(7);
    expect(endpoint.seenTpotMs).toBeUndefined();
    clock.nowMs += 100;
    long.served(25);
    expect(endpoint.seenTpotMs).toBeCloseTo(20, 6);
    const [beside, stream] = [run(), run()];
    for (let chunk = 0; chunk < 10; chunk += 1) {
      clock.nowMs += 30;
      for (const each of [beside, stream]) each.chunk();
    }
    stream.served(30);
    expect(endpoint.seenTpotMs).toBeCloseTo(30 / (1 + 2 / 16), 9);
  });

  test.each([
    ['a streamed 2xx', true, 200, 1],
    ['a failure, however fast', true, 500, 0],
    ['a refusal', true, 429, 0],
    ['an answer that comes whole', false, 200, 0],
  ])('first tokens that the endpoint learns from: %s', (_, stream, status, samples) => {
    const { clock, endpoint, run } = modelled();
    const { attempt } = run({ stream });
    for (const atMs of [1030, 1060]) {
      clock.nowMs = atMs;
      attempt.firstByte(status, 0, atMs);
    }
    attempt.end('complete', clock.nowMs);
    expect(endpoint.latency.samples).toBe(samples);
  });

  test('a short whole answer is no sign of the pace of what generates, where pages tell of the load', () => {
    const { clock, endpoint, run, reads } = oneEndpoint();
    reads();
    const answers = [16, 63, 64].map((tokens) => {
      const { served } = run({ stream: false });
      clock.nowMs += 3000;
      reads();
      served(tokens);
      return endpoint.seenTpotMs === undefined;
    });
    expect(answers).toEqual([true, true, false]);
  });

  test('what became of a request teaches the endpoint that served it, and no other', () => {
    const { pool, endpoint } = poolOf('a', 'b', 'c');
    teachSteps(pool.stepModel);
    const attempt = openAttempt(endpoint('b'), 0, { promptTokens: 900 });
    attempt.firstByte(200, 0, 80);
    attempt.reported({ promptTokens: 700, completionTokens: 100, cachedTokens: 0 });
    attempt.end('complete', 1070);
    expect(pool.endpoints.map(({ latency }) => latency.samples)).toEqual([0, 1, 0]);
  });

  test('an answer that came whole tells of its time per token, where it has eight tokens at least', () => {
    const { clock, endpoint, run } = modelled();
    const expected = () => endpoint.predict(endpoint.featuresOf(1, 0));
    const serve = (tokens: number) => {
      const { attempt, served } = run({ stream: false });
      clock.nowMs = attempt.firstTokenExpectedAtMs + tokens * 100;
      served(tokens);
    };
    const before = expected();
    serve(7);
    expect(expected()).toEqual(before);
    serve(8);
    expect(expected().tpotMs).toBeCloseTo(2 * before.tpotMs, 6);
    for (let answer = 0; answer < 20; answer += 1) serve(64);
    const after = expected();
    expect(after.tpotHighMs / after.tpotMs).toBeGreaterThan((1.2 * before.tpotHighMs) / before.tpotMs);
  });

  test.each([
    ['cut within its answer', 'broken'],
    ['abandoned', 'abandoned'],
  ] as const)('an answer that was %s says nothing of what it reported', (_, outcome) => {
    const { clock, endpoint, run } = modelled();
    const learnTpot = vi.spyOn(endpoint.latency, 'learnTpot');
    const { attempt, chunk } = run();
    for (let count = 0; count < 9; count += 1) chunk();
    attempt.reported({ promptTokens: 1, completionTokens: 900, cachedTokens: 0 });
    attempt.end(outcome, clock.nowMs + 10);
    expect(learnTpot).not.toHaveBeenCalled();
  });
});

describe('the end of an attempt', () => {
  test('after it the attempt is gone from the endpoint, and says nothing more', () => {
    const { clock, endpoint, limiter, run } = oneEndpoint();
    const { attempt, chunk, end } = run();
    const seen = () => [attempt.progressTokens(clock.nowMs), limiter.size, endpoint.seenTpotMs];
    for (let count = 0; count < 5; count += 1) {
      clock.nowMs += 10;
      chunk();
    }
    expect(seen()).toEqual([5, 1, 10]);
    end();
    end();
    clock.nowMs += 50;
    chunk();
    expect(seen()).toEqual([5, 0, undefined]);
  });

  test('a request counts once for its endpoint’s health, and only its first end', () => {
    const { clock, endpoint, run } = oneEndpoint();
    const { attempt } = run();
    for (const outcome of ['broken', 'broken', 'complete'] as const) attempt.end(outcome, clock.nowMs);
    expect([endpoint.health.tally, endpoint.health.paused]).toEqual([{ requests: 1, failures: 1 }, true]);
  });

  test.each<[string, readonly [status: number, outcome: AttemptOutcome], string]>([
    ['a 200 that is cut later', [200, 'broken'], 'starting'],
    ['a 500', [500, 'complete'], 'ejected'],
    ['no first byte in time', [0, 'timed_out'], 'ejected'],
    ['a connection that breaks', [0, 'broken'], 'ejected'],
    ['a client that leaves', [0, 'abandoned'], 'ejected'],
  ])('a probe that gets %s leaves its endpoint in the right condition', (_, [status, outcome], condition) => {
    const { endpoint, clock } = poolOf('a', 'b');
    ends(endpoint('a'), 'failed', 5);
    clock.nowMs = 2000;
    const probe = openAttempt(endpoint('a'), clock.nowMs);
    expect(endpoint('a').condition).toBe('probed');
    if (status === 500) probe.firstByte(status, 0, clock.nowMs);
    expect(endpoint('a').condition).toBe('probed');
    if (status === 200) probe.firstByte(status, 0, clock.nowMs);
    probe.end(outcome, clock.nowMs);
    expect([endpoint('a').condition, endpoint('a').health.probeDue]).toEqual([condition, outcome === 'abandoned']);
  });
});

const outcomes = ['complete', 'broken', 'unreachable', 'timed_out', 'abandoned'] as const;
const statuses = [200, 204, 302, 404, 429, 500];
/** What can happen to an attempt; `size` chooses how. */
const acts: Readonly<Record<string, (attempt: Attempt, size: number, nowMs: number) => void>> = {
  'first byte': (attempt, size, nowMs) => attempt.firstByte(statuses[size % statuses.length]!, size % 3, nowMs),
  chunk: (attempt, _, nowMs) => attempt.chunk(nowMs),
  reported: (attempt, size) => attempt.reported({ promptTokens: size, completionTokens: size, cachedTokens: 0 }),
  end: (attempt, size, nowMs) => attempt.end(outcomes[size % outcomes.length]!, nowMs),
};

test('any interleaving, repetitions included: counts return to zero, health hears one verdict, the listener one end', () => {
  const act = fc.constantFrom('wait', ...Object.keys(acts));
  const step = fc.record({ which: fc.nat(2), act, size: fc.nat(3000) });
  const wish = fc.record({
    priority: fc.constantFrom(100, 0, -1),
    stream: fc.boolean(),
    promptTokens: fc.nat(5000),
    expectedInMs: fc.constantFrom(undefined, 0, 40),
  });
  const wishes = fc.tuple(wish, wish, wish);
  fc.assert(
    fc.property(wishes, fc.array(step, { maxLength: 40 }), fc.boolean(), (all, steps, ejected) => {
      const { endpoint, clock } = poolOf('a', 'b');
      const { health, work, limiter, gaps } = endpoint('a');
      if (ejected) ends(endpoint('a'), 'failed', 5);
      clock.nowMs = 2000;
      const verdicts = vi.spyOn(health, 'recordEnd');
      const probes = vi.spyOn(health, 'recordProbe');
      const heard: AttemptOutcome[][] = all.map(() => []);
      const attempts = all.map((each, index) =>
        openAttempt(endpoint('a'), clock.nowMs, { ...each, onEnd: (outcome) => heard[index]!.push(outcome) }),
      );
      const firstEnds = new Map<number, AttemptOutcome>();
      for (const { which, act, size } of steps) {
        if (act === 'wait') clock.nowMs += size;
        else acts[act]?.(attempts[which]!, size, clock.nowMs);
        if (act === 'end' && !firstEnds.has(which)) firstEnds.set(which, outcomes[size % outcomes.length]!);
        for (const held of [work.realtime, work.sheddable]) {
          expect(Math.min(...Object.values(held))).toBeGreaterThanOrEqual(0);
          expect(Math.max(held.awaitingFirstByte, held.decodes)).toBeLessThanOrEqual(held.inFlight);
        }
        expect([limiter.size, work.total]).toEqual([3 - firstEnds.size, 3 - firstEnds.size]);
      }
      for (const attempt of attempts) attempt.end('abandoned', clock.nowMs);
      expect([work.realtime, work.sheddable, limiter.size]).toEqual([nothingHeld, nothingHeld, 0]);
      expect([health.probing, work.prefillingForMs]).toEqual([false, 0]);
      // No stream is left: only whole answers tell a pace.
      if (all.every(({ stream }) => stream)) expect(gaps.tpotMs(clock.nowMs)).toBeUndefined();
      expect(heard).toEqual(all.map((_, index) => [firstEnds.get(index) ?? 'abandoned']));
      expect(verdicts).toHaveBeenCalledTimes(3);
      expect(probes).toHaveBeenCalledTimes(ejected ? 1 : 0);
    }),
  );
});
