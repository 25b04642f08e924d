import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  nextSlowness,
  slownessAt,
  slownessWhileRunning,
  usualSlowness,
} from '../../../../gateway/endpoint/latency/slowness.ts';

test('after forty steps an engine five times slower is nearly known as that', () => {
  let slowness = usualSlowness;
  for (let step = 1; step <= 40; step += 1) slowness = nextSlowness(slowness, 5, step * 100);
  expect(slownessAt(slowness, 4000)).toBeGreaterThan(4.3);
});

test.each([
  [0, 5],
  [10_000, 3],
  [20_000, 2],
])('without a step it fades: %d ms later', (sinceMs, expected) => {
  expect(slownessAt({ value: 5, atMs: 1000 }, 1000 + sinceMs)).toBeCloseTo(expected, 9);
});

test('a step that runs counts once it is overdue, and changes nothing', () => {
  expect(slownessWhileRunning(usualSlowness, 0.5, 0)).toBe(1);
  expect(slownessWhileRunning(usualSlowness, 9, 0)).toBe(1.5);
  expect(slownessAt(usualSlowness, 0)).toBe(1);
});

test('it is finite and above 0, whatever a step took', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, noNaN: true }), { maxLength: 50 }), (ratios) => {
      let slowness = usualSlowness;
      for (const [step, ratio] of ratios.entries()) slowness = nextSlowness(slowness, ratio, step);
      expect(slowness.value).toBeGreaterThan(0);
      expect(slowness.value).toBeLessThanOrEqual(10);
    }),
  );
});
