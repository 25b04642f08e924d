import { expect, test } from 'vitest';
import { BackendTimeouts } from '../../../../functions/processor/observe/backend-timeouts.ts';

const named = (...agesMs: readonly number[]): number[] => {
  const timeouts = new BackendTimeouts();
  return agesMs.flatMap((ageMs) => timeouts.cut('pool', ageMs) ?? []);
};

test.each<[string, readonly number[], readonly number[]]>([
  ['one says nothing', [30_000], []],
  ['two alike are named, and the rest is not', [30_012, 30_004, 30_020, 30_001], [30_004]],
  ['two that differ are not', [30_000, 31_000], []],
  ['another constant age is named too', [30_000, 30_000, 60_000, 60_010], [30_000, 60_010]],
  ['the same age is not named again after others', [30_000, 30_000, 12_000, 30_000, 30_000], [30_000]],
  ['answers that are there at once are no cut', [2, 2, 3], []],
])('%s', (_, agesMs, expected) => {
  expect(named(...agesMs)).toEqual(expected);
});

test('pools have nothing to do with each other', () => {
  const timeouts = new BackendTimeouts();
  expect(['a', 'b', 'a', 'b'].map((pool) => timeouts.cut(pool, 5000))).toEqual([undefined, undefined, 5000, 5000]);
});
