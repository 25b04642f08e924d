import { expect, test } from 'vitest';
import { RecentRate } from '../../../shared/runtime/recent-rate.ts';

function setUp() {
  const clock = { nowMs: 0 };
  const rate = new RecentRate(() => clock.nowMs);
  const record = (perSecond: number, seconds: number) => {
    for (let event = 0; event < perSecond * seconds; event += 1) {
      clock.nowMs += 1000 / perSecond;
      rate.record();
    }
  };
  return { clock, rate, record };
}

test('nothing happened: 0', () => {
  expect(setUp().rate.perSecond).toBe(0);
});

test.each([1, 10, 200])('a steady rate of %i a second is found within half a minute', (perSecond) => {
  const { rate, record } = setUp();
  record(perSecond, 40);
  expect(rate.perSecond / perSecond).toBeGreaterThan(0.95);
  expect(rate.perSecond / perSecond).toBeLessThan(1.1);
});

test('it fades by itself: to less than a hundredth in 50 seconds', () => {
  const { clock, rate, record } = setUp();
  record(10, 40);
  clock.nowMs += 10_000;
  expect(rate.perSecond).toBeCloseTo(10 / Math.E, 0);
  clock.nowMs += 40_000;
  expect(rate.perSecond).toBeLessThan(0.1);
});
