import { expect, test } from 'vitest';
import { Pace } from '../../../infra/cli/submit/pace.ts';

test('is that of the results of this run', () => {
  const pace = new Pace(1000, 500);
  expect(pace.perSecond).toBe(0);
  pace.record(3000, 520);
  expect(pace.perSecond).toBe(10);
});

test('is that of the last minute', () => {
  const pace = new Pace(0, 0);
  for (let second = 1; second <= 120; second += 1) pace.record(second * 1000, Math.min(second, 60) * 100);
  expect(pace.perSecond).toBe(0);
  pace.record(121_000, 6060);
  expect(pace.perSecond).toBeCloseTo(1);
});

test('reading it changes nothing', () => {
  const pace = new Pace(0, 0);
  pace.record(10_000, 5);
  expect([pace.perSecond, pace.perSecond]).toEqual([0.5, 0.5]);
});

test('tells how long no result has come', () => {
  const pace = new Pace(0, 0);
  pace.record(2000, 0);
  expect(pace.quietMs).toBe(2000);
  pace.record(3000, 1);
  expect(pace.quietMs).toBe(0);
  pace.record(8000, 1);
  expect(pace.quietMs).toBe(5000);
});

test('keeps a minute of samples, however often it is told', () => {
  const pace = new Pace(0, 0);
  for (let ms = 1; ms <= 200_000; ms += 10) pace.record(ms, ms);
  expect(pace.perSecond).toBeCloseTo(1000, -1);
});
