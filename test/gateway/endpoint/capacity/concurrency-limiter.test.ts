import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nothingHeld } from '../../../../gateway/endpoint/in-flight.ts';
import { many, oneEndpoint, type RunningAttempt, shed } from '../../../support/attempts.ts';
import { knownSteps } from '../../../support/known-steps.ts';

test.each<[string, { waiting?: number; kvCacheUtilization?: number }, number]>([
  ['an idle one', {}, 0],
  ['five waiting', { waiting: 5 }, 1],
  ['the KV cache at four fifths', { kvCacheUtilization: 0.8 }, 1],
])('pressure of %s', (_, reading, expected) => {
  const { limiter, reads } = oneEndpoint();
  reads(reading);
  expect(limiter.pressure).toBeCloseTo(expected, 9);
});

test.each([
  ['at the target', 32.5, 1],
  ['half of it', 16.25, 0.5],
])('pressure from token gaps: %s', (_, gapMs, expected) => {
  const { limiter, run, stream } = oneEndpoint();
  stream(
    many(9, () => run()),
    gapMs,
    40,
  );
  expect(limiter.pressure).toBeCloseTo(expected, 2);
});

test('a window opens while it is used and there is room, and closes when streams slow down beside a chat', () => {
  const { limiter, run, stream } = oneEndpoint();
  const batch = [run(), ...many(16, () => run(shed))];
  stream(batch, 15, 200);
  const opened = limiter.window;
  expect(opened).toBeGreaterThan(17);
  stream(batch, 60, 100);
  expect(limiter.window).toBeLessThan(12);
});

test('with no real-time work a window opens however slow tokens are: there is nothing to keep fast', () => {
  const { limiter, run, stream } = oneEndpoint();
  stream(
    many(16, () => run(shed)),
    200,
    100,
  );
  expect(limiter.window).toBeGreaterThan(17);
});

test('whole answers alone, without metrics or streams, open the window as well', () => {
  const { clock, limiter, run } = oneEndpoint();
  for (let round = 0; round < 10; round += 1) {
    const batch = many(limiter.window, () => run({ ...shed, stream: false }));
    clock.nowMs += 500;
    for (const each of batch) {
      each.served(50);
    }
  }
  expect(limiter.window).toBeGreaterThan(20);
  run({ stream: false });
  for (let round = 0; round < 20; round += 1) {
    const one = run({ ...shed, stream: false });
    clock.nowMs += 5000;
    one.served(50);
  }
  clock.nowMs += 10_000;
  expect(limiter.window).toBe(1);
});

test('an engine that is slow when it is idle is not full for that: what counts is how much slower it gets', () => {
  const { limiter, run, stream } = oneEndpoint();
  const first = run();
  stream([first], 60, 40);
  expect(limiter.pressure).toBeGreaterThan(0.6);
  expect(limiter.pressure).toBeLessThan(0.75);
  first.end();
  stream([run(), run(shed)], 120, 60);
  expect(limiter.pressure).toBeGreaterThan(1);
});

test('a first token that was promised sooner than a step takes closes no engine', () => {
  const { clock, limiter, run, reads } = oneEndpoint();
  for (let request = 0; request < 30; request += 1) {
    const one = run({ ttftSloMs: 1 });
    clock.nowMs += 20;
    one.chunk();
    reads({ running: 1 });
    expect(limiter.pressure).toBeLessThan(0.5);
    one.end();
  }
});

test('more real-time work than usual takes from the window at once, and gives it back', () => {
  const { limiter, run, reads } = oneEndpoint();
  reads();
  const before = limiter.window;
  const burst = many(10, () => run());
  expect(limiter.window).toBe(before - 10);
  for (const each of burst) each.end();
  expect(limiter.window).toBe(before);
});

test('one chat on a slow engine is not load: what an idle engine cannot keep counts as half over its own time', () => {
  const { clock, limiter, run, reads } = oneEndpoint();
  const chat = run({ ttftSloMs: 1000, tpotSloMs: 50 });
  for (let token = 0; token < 60; token += 1) {
    clock.nowMs += 65;
    chat.chunk();
    reads({ running: 1 });
    expect(limiter.realtimePressure).toBeLessThan(0.75);
  }
  chat.served(60);
  expect(limiter.sloBudgetFactor).toBe(1);
});

test('misses of what an idle engine cannot keep are none, beside sheddable work too', () => {
  const { clock, limiter, run } = oneEndpoint({ stepModel: knownSteps(52) });
  run(shed).chunk();
  // So that it may rise.
  limiter.recordLatency({ ttftMs: 100, tpotMs: 50, missBudget: 0.01 }, { ttftMs: 500 });
  const chat = (gapMs: number) => {
    const before = limiter.sloBudgetFactor;
    const mine = run({ tpotSloMs: 50 });
    for (let token = 0; token < 10; token += 1) {
      mine.chunk();
      clock.nowMs += gapMs;
    }
    mine.served();
    return Math.sign(limiter.sloBudgetFactor - before);
  };
  expect([chat(70), chat(200)]).toEqual([1, -1]);
});

test('misses beside sheddable work lower its sloBudgetFactor; alone they do not', () => {
  const { clock, limiter, run } = oneEndpoint();
  const late = () => {
    const mine = run({ ttftSloMs: 100 });
    clock.nowMs += 500;
    mine.chunk();
    mine.served();
  };
  late();
  expect(limiter.sloBudgetFactor).toBe(1);
  run(shed);
  late();
  expect(limiter.sloBudgetFactor).toBeCloseTo(Math.exp(-0.099), 9);
});

test.each([
  ['would have been broken without it as well', 120, Math.exp(0.001)],
  ['would have been kept without it', 80, Math.exp(-0.099)],
])('beside sheddable work a miss of a promise that %s', (_, ttftMs, expected) => {
  const { limiter, run } = oneEndpoint();
  run(shed);
  const slo = { ttftMs: 100, tpotMs: 50, missBudget: 0.01 };
  limiter.recordLatency(slo, { ttftMs: 500 });
  const before = limiter.sloBudgetFactor;
  limiter.recordLatency(slo, { ttftMs: 500 }, { ttftMs });
  expect(limiter.sloBudgetFactor / before).toBeCloseTo(expected, 9);
});

test('the real-time pressure is what the pressure would be without sheddable work', () => {
  const { limiter, run, stream } = oneEndpoint();
  const all = [...many(12, () => run(shed)), ...many(4, () => run())];
  stream(all, 26, 40, { running: 16, kvCacheUtilization: 0.8 });
  expect(limiter.pressure).toBeCloseTo(1, 1);
  expect(limiter.realtimePressure).toBeCloseTo(0.25, 1);
});

test('any interleaving: every request leaves, and an endpoint that is idle has room for all work', () => {
  const act = fc.constantFrom('run', 'shed', 'chunk', 'end', 'served', 'reading', 'wait');
  fc.assert(
    fc.property(fc.array(fc.record({ act, of: fc.nat(9), size: fc.nat(3000) })), (steps) => {
      const { clock, limiter, work, run, reads } = oneEndpoint();
      const running = new Map<number, RunningAttempt>();
      for (const { act, of, size } of steps) {
        const each = running.get(of);
        if ((act === 'run' || act === 'shed') && !each) {
          running.set(of, run({ priority: act === 'run' ? 0 : -1, promptTokens: size, stream: of % 3 > 0 }));
        }
        if (act === 'chunk') each?.chunk();
        if (act === 'served') each?.served(size);
        if (act === 'end') {
          each?.end();
          each?.end();
        }
        if (act === 'reading') reads({ running: of, waiting: of % 4, kvCacheUtilization: of / 10 });
        if (act === 'wait') clock.nowMs += size;
        expect(limiter.window).toBeGreaterThanOrEqual(0);
        expect(limiter.pressure).toBeGreaterThanOrEqual(0);
        expect(limiter.realtimePressure).toBeLessThanOrEqual(limiter.pressure + 1e-9);
      }
      for (const each of running.values()) each.end();
      expect([limiter.size, work.realtime, work.sheddable]).toEqual([0, nothingHeld, nothingHeld]);
      clock.nowMs += 3_000_000;
      expect(limiter.engineFull).toBe(false);
      expect(limiter.roomInMs('realtime')).toBe(0);
      if (limiter.window > 0 && limiter.pressure < 1) expect(limiter.roomInMs('sheddable')).toBe(0);
    }),
  );
});
