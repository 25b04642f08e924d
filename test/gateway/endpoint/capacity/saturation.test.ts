import { expect, test } from 'vitest';
import { poolSaturation, retryAfterSeconds } from '../../../../gateway/endpoint/capacity/saturation.ts';

test.each([
  ['an empty pool is full', [], 1],
  ['one endpoint', [0.3], 0.3],
  ['the mean', [0.25, 0.75], 0.5],
  ['one that is beyond full leaves the others their room', [0, 9], 0.5],
  ['all of them beyond full: by how much', [2, 4], 3],
])('pool: %s', (_, endpoints, expected) => {
  expect(poolSaturation(endpoints)).toBe(expected);
});

test.each([
  ['nobody waits and places come fast', 0, 40, 1],
  ['two seconds of others', 79, 40, 2],
  ['a little more', 80, 40, 3],
  ['nobody has got a place of late', 0, 0, 30],
  ['never longer than half a minute', 10_000, 1, 30],
])('another try is worth it when %s', (_, waiting, placedPerSecond, expected) => {
  expect(retryAfterSeconds(waiting, placedPerSecond)).toBe(expected);
});
