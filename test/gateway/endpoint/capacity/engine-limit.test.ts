import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type EngineLimit,
  engineQueue,
  firstEngineLimit,
  limitAfterPromptAnswer,
  limitAfterRefusal,
  nextEngineLimit,
  type PlacesSeen,
} from '../../../../gateway/endpoint/capacity/engine-limit.ts';

const sinceMs = 250;
type Reading = readonly [
  running: number,
  waiting: number,
  own?: number,
  kvCacheUtilization?: number,
  waitingBriefly?: number,
];

/** Readings, from no knowledge on; where they do not say otherwise all that runs and waits is ours. */
function after(...readings: readonly Reading[]): EngineLimit {
  return readings.reduce(
    (limit, [running, waiting, own = running + waiting, kvCacheUtilization = 0, waitingBriefly = 0]) =>
      nextEngineLimit(limit, { running, waiting, waitingBriefly, own, kvCacheUtilization, sinceMs }),
    firstEngineLimit([]),
  );
}

/** A reading of an engine that runs all of ours. */
const clear = (own: number): PlacesSeen => ({
  running: own,
  waiting: 0,
  waitingBriefly: 0,
  own,
  kvCacheUtilization: 0,
  sinceMs,
});

/** A queue at two readings proves a limit. */
const provenAt = (running: number): Reading[] => [
  [running, 2],
  [running, 5],
];

test.each([
  ['no others', [], 8],
  ['one', [30], 30],
  ['three', [16, 1000, 20], 20],
])('an engine of which nothing is known is taken to be like the others: %s', (_, others, places) => {
  expect(firstEngineLimit(others)).toMatchObject({ places, proven: false, shown: places });
});

test.each<[string, Reading[], number]>([
  ['no reading: eight', [], 8],
  ['an idle engine tells nothing', [[0, 0]], 8],
  ['all of ours running, none waiting: twice as many', [[8, 0]], 16],
  [
    'and at most eight more than run',
    [
      [8, 0],
      [16, 0],
      [24, 0],
    ],
    32,
  ],
  ['half of the places used tells of no more', [[4, 0]], 8],
  ['a page on which some of ours are missing', [[8, 0, 9]], 8],
  ['none of ours, though they are there: an odd page', [[0, 0, 8]], 8],
  ['a page that shows far more than was thought is believed by halves', [[100_000, 0, 8]], 16],
  ['one that waits at one reading waits for a step', [[8, 1]], 8],
  [
    'a queue at two readings: what runs is the limit',
    [
      [64, 2],
      [64, 5],
    ],
    64,
  ],
  [
    'all that waits came a moment ago, at three readings: it waits for a step',
    new Array(3).fill([16, 0, 16, 0, 1]),
    24,
  ],
  ['at four, each of which shows as many running: it waits for places', new Array(4).fill([16, 0, 16, 0, 1]), 16],
  [
    'what waits while now more and now fewer run waits for prompts: the limit stays',
    [
      [8, 0],
      [12, 4],
      [9, 7],
      [9, 4],
      [7, 6],
    ],
    16,
  ],
  [
    'what waits while more run than before waits for prompts',
    [
      [2, 6],
      [3, 5],
      [5, 3],
    ],
    8,
  ],
  ['a full memory holds fewer: the limit follows it down', [...provenAt(64), [40, 9, 49, 0.95]], 40],
  ['with memory to spare it does not', [...provenAt(64), [40, 9], [40, 9]], 64],
  ['and up', [...provenAt(64), [70, 9], [70, 9]], 70],
  ['one that runs nothing and has a queue may run one', provenAt(0), 1],
  ['a proven limit outlasts an odd page', [...provenAt(64), [0, 0, 64]], 64],
  ['and an idle time, and grows by eights then', [...provenAt(64), [0, 0], [64, 0]], 72],
  ['below a proven limit it stands', [...provenAt(64), [10, 0]], 64],
  ['nor does what runs near it tell of more', [...provenAt(64), [60, 0]], 64],
  ['all of it running without a queue, it grows', [...provenAt(64), [64, 0]], 64.765],
  ['but not while something may wait for a step', [...provenAt(64), [64, 0, 64, 0, 1]], 64],
  ['an engine that runs more than was thought', [...provenAt(4), [10, 0]], 8.205],
])('%s', (_, readings, expected) => {
  expect(after(...readings).places).toBeCloseTo(expected, 9);
});

test.each([
  ['by readings four times as rare', 1000, 64 * 1.04 + 0.5],
  ['by one after a long silence', 60_000, 64 * 1.08 + 1],
])('a proven limit grows by time, not by readings: %s', (_, sinceMs, expected) => {
  const next = nextEngineLimit(after(...provenAt(64)), { ...clear(64), sinceMs });
  expect(next.places).toBeCloseTo(expected, 9);
});

test('an engine that comes new is compared with what others were seen to run, not with what they may hold', () => {
  const limit = after([8, 0], [16, 0]);
  expect([limit.places, limit.shown]).toEqual([24, 16]);
});

test('a proven limit that shows no queue for seconds grows faster with each of them, until it shows one', () => {
  let limit = after(...provenAt(8));
  const placesAfter = (readings: number) => {
    for (let reading = 0; reading < readings; reading += 1) {
      const own = Math.floor(limit.places);
      limit = nextEngineLimit(limit, clear(own));
    }
    return limit.places;
  };
  expect(placesAfter(4)).toBeLessThan(9);
  expect(placesAfter(20)).toBeGreaterThan(40);
  const running = Math.floor(limit.places);
  for (let reading = 0; reading < 2; reading += 1) limit = nextEngineLimit(limit, { ...clear(running), waiting: 3 });
  expect(limit.places).toBe(running);
  expect(placesAfter(4)).toBeLessThan(1.1 * running);
});

test('a limit that is proven again at the same number stands longer each time, and no longer once another is', () => {
  let limit = after(...provenAt(16));
  /** How many clear readings it takes until it has grown by one. */
  const readingsToGrow = (running = 16) => {
    let readings = 0;
    for (; Math.floor(limit.places) === running; readings += 1) limit = nextEngineLimit(limit, clear(running));
    return readings;
  };
  const proveAt = (running: number) => {
    for (let reading = 0; reading < 2; reading += 1) limit = nextEngineLimit(limit, { ...clear(running), waiting: 2 });
  };
  const first = readingsToGrow();
  proveAt(16);
  const second = readingsToGrow();
  proveAt(16);
  const third = readingsToGrow();
  expect([second - first, third - second]).toEqual([4, 4]);
  proveAt(17);
  expect(readingsToGrow(17)).toBe(first);
});

test.each([1, 2, 3, 5])('a limit of %i that was a moment’s is forgotten within a minute', (running) => {
  let limit = after(...provenAt(running));
  // No more run there than whole places.
  for (let reading = 0; reading < 240; reading += 1) {
    const own = Math.floor(limit.places);
    limit = nextEngineLimit(limit, clear(own));
  }
  expect(limit.places).toBeGreaterThan(64);
});

test('without pages an answer that is as soon as unloaded adds a place, at full limit alone', () => {
  const limit = firstEngineLimit([]);
  expect([7, 8, 9].map((load) => limitAfterPromptAnswer(limit, load).places)).toEqual([8, 9, 9]);
});

test.each([
  [5, 5],
  [8, 8],
  [20, 8],
  [0, 1],
])('a refusal for want of places beside %i proves a limit of %i', (load, places) => {
  expect(limitAfterRefusal(firstEngineLimit([]), load)).toMatchObject({ places, proven: true, shown: places });
});

test.each([
  [1, 1],
  [32.9, 1],
  [33, 2],
  [256, 8],
])('of %f proven places, %i may queue; an unproven limit has its queue within', (places, expected) => {
  const limit = { ...firstEngineLimit([]), places };
  expect(engineQueue({ ...limit, proven: true })).toBe(expected);
  expect(engineQueue(limit)).toBe(0);
});

test('without a queue a limit never falls, nor does it more than double; with one it is what runs', () => {
  const reading = fc.tuple(fc.nat(500), fc.nat(20), fc.nat(500), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(fc.array(reading), reading, (readings, [running, waiting, own, kvCacheUtilization]) => {
      const before = after(...readings);
      const next = nextEngineLimit(before, { ...clear(own), running, waiting, kvCacheUtilization });
      // Twice, and a quarter of a second of the fastest growth.
      if (next.queued < 2) {
        expect(next.places).toBeGreaterThanOrEqual(before.places);
        expect(next.places).toBeLessThanOrEqual(2 * before.places * 1.16 + 2);
      } else expect(next.places).toBe(Math.max(1, running));
      expect(next.places).toBeGreaterThanOrEqual(1);
      expect(next.queued > 0).toBe(waiting > 0);
    }),
  );
});
