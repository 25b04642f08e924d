import fc from 'fast-check';
import { expect, test } from 'vitest';
import { poolSaturation, retryAfterSeconds, saturationOf } from '../../../gateway/decisions/saturation.ts';
import { sheddableWindow } from '../../../gateway/decisions/sheddable-window.ts';

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
  ['the mean', [0, 2], 1],
])('pool: %s', (_, endpoints, expected) => {
  expect(poolSaturation(endpoints)).toBe(expected);
});

test.each([
  [0, 1],
  [1, 1],
  [1.01, 2],
  [500, 30],
])('at saturation %d another try is worth it after %d s', (saturation, expected) => {
  expect(retryAfterSeconds(saturation)).toBe(expected);
});

test.each([
  ['idle: opens by a full step', 0, 0, 16],
  ['half full: by half a step', 10, 0.5, 18],
  ['almost full: by one', 10, 0.999, 11],
  ['full: drains to seven tenths', 10, 1, 7],
  ['full with nothing of its own: closed', 0, 1.2, 0],
  ['full, one left: that one ends', 1, 3, 0],
])('window, %s', (_, inFlight, saturation, expected) => {
  expect(sheddableWindow(inFlight, saturation)).toBe(expected);
});

test('window: less than is in flight when full, more when not, and never more than one step', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.double({ min: 0, max: 10, noNaN: true }), (inFlight, saturation) => {
      const window = sheddableWindow(inFlight, saturation);
      if (saturation >= 1) expect(window).toBeLessThanOrEqual(inFlight * 0.7);
      else expect(window).toBeGreaterThan(inFlight);
      expect(window).toBeLessThanOrEqual(inFlight + 16);
    }),
  );
});
