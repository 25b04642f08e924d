import { expect, test } from 'vitest';
import { poolSaturation, saturationOf } from '../../../../gateway/endpoint/capacity/saturation.ts';

test.each([
  ['idle', 0, 0, 0],
  ['the queue decides', 4, 0.4, 0.8],
  ['the cache decides', 1, 0.6, 0.75],
  ['full at five waiting', 5, 0, 1],
  ['full at four fifths of the cache', 0, 0.8, 1],
  ['beyond full', 12, 1, 2.4],
])('saturation: %s', (_, waiting, kvCache, expected) => {
  expect(saturationOf(waiting, kvCache)).toBeCloseTo(expected, 12);
});

test.each([
  ['an empty pool is full', [], 1],
  ['one endpoint', [0.3], 0.3],
  ['the mean', [0.25, 0.75], 0.5],
  ['one that is beyond full leaves the others their room', [0, 9], 0.5],
  ['all of them beyond full: by how much', [2, 4], 3],
])('pool: %s', (_, endpoints, expected) => {
  expect(poolSaturation(endpoints)).toBe(expected);
});
