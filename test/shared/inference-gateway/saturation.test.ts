import { expect, test } from 'vitest';
import { saturationOf } from '../../../shared/inference-gateway/saturation.ts';

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
