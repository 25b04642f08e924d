import { expect, test } from 'vitest';
import { poolSaturation } from '../../../../gateway/endpoint/capacity/saturation.ts';

test.each([
  ['an empty pool is full', [], 1],
  ['one endpoint', [0.3], 0.3],
  ['the mean', [0.25, 0.75], 0.5],
  ['one that is beyond full leaves the others their room', [0, 9], 0.5],
  ['all of them beyond full: by how much', [2, 4], 3],
])('pool: %s', (_, endpoints, expected) => {
  expect(poolSaturation(endpoints)).toBe(expected);
});
