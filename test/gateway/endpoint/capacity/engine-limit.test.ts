import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type EngineLimit,
  engineQueue,
  nextEngineLimit,
  noEngineLimit,
} from '../../../../gateway/endpoint/capacity/engine-limit.ts';

const refreshMs = 250;

/** Readings as running and waiting, from no knowledge on. */
function after(...readings: readonly (readonly [running: number, waiting: number])[]): EngineLimit {
  return readings.reduce(
    (limit, [running, waiting]) => nextEngineLimit(limit, running, waiting, refreshMs),
    noEngineLimit,
  );
}

test.each<[string, [number, number][], number]>([
  ['no reading: no limit', [], Number.POSITIVE_INFINITY],
  ['an idle engine tells none', [[40, 0]], Number.POSITIVE_INFINITY],
  ['one that waits at one reading waits for a step', [[3, 1]], Number.POSITIVE_INFINITY],
  [
    'one here, one there, with an empty queue between',
    [
      [3, 1],
      [3, 0],
      [3, 1],
    ],
    Number.POSITIVE_INFINITY,
  ],
  [
    'a queue at two readings: what runs is the limit',
    [
      [64, 2],
      [64, 5],
    ],
    64,
  ],
  [
    'the limit follows the engine down',
    [
      [64, 2],
      [64, 5],
      [40, 9],
    ],
    40,
  ],
  [
    'and up',
    [
      [64, 2],
      [64, 5],
      [70, 9],
    ],
    70,
  ],
  [
    'one that runs nothing and has a queue may run one',
    [
      [0, 12],
      [0, 12],
    ],
    1,
  ],
  [
    'an idle engine begins anew',
    [
      [4, 2],
      [4, 5],
      [0, 0],
    ],
    Number.POSITIVE_INFINITY,
  ],
  [
    'below the limit it stands',
    [
      [64, 2],
      [64, 5],
      [10, 0],
    ],
    64,
  ],
  [
    'near the limit without a queue it grows',
    [
      [64, 2],
      [64, 5],
      [52, 0],
    ],
    64.765,
  ],
  [
    'an engine that runs more than was thought',
    [
      [4, 2],
      [4, 5],
      [10, 0],
    ],
    10.225,
  ],
])('%s', (_, readings, expected) => {
  expect(after(...readings).running).toBe(expected);
});

test.each([
  ['by readings four times as rare', 1000, 64 * 1.04 + 0.5],
  ['by one after a long silence', 60_000, 64 * 1.08 + 1],
])('it grows by time, not by readings: %s', (_, sinceMs, expected) => {
  expect(nextEngineLimit({ running: 64, queued: 0 }, 60, 0, sinceMs).running).toBeCloseTo(expected, 9);
});

test.each([1, 2, 3, 5])('a limit of %i that was a moment’s is forgotten within a minute', (running) => {
  let limit = after([running, 3], [running, 3]);
  // No more run there than whole places.
  for (let reading = 0; reading < 240; reading += 1) {
    limit = nextEngineLimit(limit, Math.floor(limit.running), 0, refreshMs);
  }
  expect(limit.running).toBeGreaterThan(64);
});

test.each([
  [0, 1],
  [1, 1],
  [32, 1],
  [33, 2],
  [256, 8],
])('of %i that run, %i may queue', (running, expected) => {
  expect(engineQueue(running)).toBe(expected);
});

test('without a queue a limit never falls; with one it is what runs', () => {
  const reading = fc.tuple(fc.nat(500), fc.nat(20));
  fc.assert(
    fc.property(fc.array(reading), reading, (readings, [running, waiting]) => {
      const before = after(...readings);
      const next = nextEngineLimit(before, running, waiting, refreshMs);
      if (running + waiting === 0) expect(next).toEqual(noEngineLimit);
      else if (waiting === 0) expect(next.running).toBeGreaterThanOrEqual(before.running);
      else expect([Math.max(1, running), before.running]).toContain(next.running);
      expect(next.queued > 0).toBe(waiting > 0);
    }),
  );
});
