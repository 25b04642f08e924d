import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  blindPressure,
  feltPressureOf,
  type PressureInputs,
  pressureOf,
} from '../../../../gateway/endpoint/capacity/pressure.ts';

/** An idle endpoint of which all is known, with the usual promises. */
const idle: PressureInputs = {
  waiting: 0,
  kvCacheUtilization: 0,
  load: 0,
  places: Number.POSITIVE_INFINITY,
  tpotMs: undefined,
  queueingMs: 0,
  slo: { ttftMs: 1000, tpotMs: 50 },
  sloBudgetFactor: 0.5,
  idleTpotMs: 8,
  idleShare: 0,
  share: 1,
};

test.each<[string, Partial<PressureInputs>, number]>([
  ['an idle endpoint', {}, 0],
  ['a load that no limit is known for', { load: 1000 }, 0],
  ['five waiting', { waiting: 5 }, 1],
  ['four waiting', { waiting: 4 }, 0.8],
  ['four fifths of the KV cache', { kvCacheUtilization: 0.8 }, 1],
  ['a whole KV cache', { kvCacheUtilization: 1 }, 1.25],
  ['every place taken', { load: 32, places: 32 }, 1],
  ['all places but one taken', { load: 31, places: 32 }, 31 / 32],
  ['no place at all', { load: 1, places: 0 }, Number.POSITIVE_INFINITY],
  // 0.4 + 0.25 · ½ of the 50 ms that were promised.
  ['tokens at the target', { tpotMs: 26.25 }, 1],
  ['tokens at half of the target', { tpotMs: 13.125 }, 0.5],
  ['tokens at the target of a budget that is used up', { tpotMs: 22.5, sloBudgetFactor: 0.2 }, 1],
  ['tokens at the target of a whole budget', { tpotMs: 32.5, sloBudgetFactor: 1 }, 1],
  [
    'tokens one and a half times as slow as an idle engine’s, which is slower than the promise',
    { tpotMs: 150, idleTpotMs: 100 },
    1,
  ],
  [
    'three steps in a promised first token, at the target',
    { tpotMs: 10.5, slo: { ttftMs: 60, tpotMs: 50 }, idleTpotMs: 2 },
    1,
  ],
  ['first tokens queued for half of their promise', { queueingMs: 500 }, 1],
  ['first tokens queued for a quarter of their promise', { queueingMs: 250 }, 0.5],
  ['slow tokens where half of the time no real-time work is there', { tpotMs: 26.25, idleShare: 0.5 }, 0.5],
  ['slow tokens and a queue where there is no real-time work', { tpotMs: 300, waiting: 50, idleShare: 1 }, 0],
  ['a promise shorter than a step, and a step’s queueing', { queueingMs: 50, slo: { ttftMs: 1, tpotMs: 50 } }, 1],
])('pressure of %s: %o is %d', (_, changes, expected) => {
  expect(pressureOf({ ...idle, ...changes })).toBeCloseTo(expected, 12);
});

test.each<[string, Partial<PressureInputs>, number]>([
  ['a full KV cache', { kvCacheUtilization: 1 }, 0],
  ['every place taken', { load: 32, places: 32 }, 0],
  ['five waiting', { waiting: 5 }, 1],
  ['tokens at the target', { tpotMs: 26.25 }, 1],
  ['first tokens queued for half of their promise', { queueingMs: 500 }, 1],
])('real-time work feels of %s: %o is %d', (_, changes, expected) => {
  expect(feltPressureOf({ ...idle, ...changes })).toBeCloseTo(expected, 12);
});

test.each<[string, Partial<PressureInputs>, number]>([
  ['the KV cache', { kvCacheUtilization: 0.8 }, 0.25],
  ['the places', { load: 32, places: 32 }, 0.25],
  ['the time per token', { tpotMs: 26.25 }, 0.25],
  ['the queueing', { queueingMs: 500 }, 0.25],
  ['what waits, which is counted and not shared', { waiting: 5 }, 1],
])('a quarter of the work has a quarter of the pressure of %s', (_, changes, expected) => {
  expect(pressureOf({ ...idle, ...changes, share: 0.25 })).toBeCloseTo(expected, 12);
});

test('blindly, sixteen requests are full pressure', () => {
  expect([0, 8, 16, 32].map(blindPressure)).toEqual([0, 0.5, 1, 2]);
});

test('any inputs: the pressure is a number of at least 0, grows with each of them, and is the highest of its terms', () => {
  const positive = fc.double({ min: 0, max: 1e6, noNaN: true });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const inputs: fc.Arbitrary<PressureInputs> = fc.record({
    waiting: fc.nat(1000),
    kvCacheUtilization: share,
    load: fc.nat(5000),
    places: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constant(Number.POSITIVE_INFINITY)),
    tpotMs: fc.option(positive, { nil: undefined }),
    queueingMs: positive,
    slo: fc.record({
      ttftMs: fc.double({ min: 1, max: 3_600_000, noNaN: true }),
      tpotMs: fc.double({ min: 0.1, max: 60_000, noNaN: true }),
    }),
    sloBudgetFactor: fc.double({ min: 0.2, max: 1, noNaN: true }),
    idleTpotMs: positive,
    idleShare: fc.constant(0),
    share,
  });
  const terms: readonly (readonly (keyof PressureInputs)[])[] = [
    ['waiting'],
    ['kvCacheUtilization'],
    ['load', 'places'],
    ['tpotMs'],
    ['queueingMs'],
  ];
  fc.assert(
    fc.property(inputs, (all) => {
      const pressure = pressureOf(all);
      expect(pressure).toBeGreaterThanOrEqual(0);
      const rest = { share: all.share, slo: all.slo, sloBudgetFactor: all.sloBudgetFactor, idleTpotMs: all.idleTpotMs };
      const alone = terms.map((names) =>
        pressureOf({ ...idle, ...rest, ...Object.fromEntries(names.map((name) => [name, all[name]])) }),
      );
      expect(pressure).toBe(Math.max(...alone));
      for (const more of ['waiting', 'kvCacheUtilization', 'load', 'queueingMs'] as const) {
        expect(pressureOf({ ...all, [more]: all[more] + 1 })).toBeGreaterThanOrEqual(pressure);
      }
    }),
  );
});
