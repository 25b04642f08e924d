import { expect, test } from 'vitest';
import { drainForecasts } from './drain-forecasts.ts';

test('a steady pace is forecast as it is', () => {
  const steady = Array.from({ length: 400 }, () => 2);
  expect(drainForecasts(400, steady).map(({ tookSeconds, error }) => [tookSeconds, error])).toEqual([
    [150, 0],
    [100, 0],
    [50, 0],
  ]);
});

test('a pace that halves is forecast too early by what it changes', () => {
  const [fast, slow] = [Array.from({ length: 100 }, () => 2), Array.from({ length: 400 }, () => 1)];
  const [first] = drainForecasts(400, [...fast, ...slow]);
  expect(first).toEqual({ share: 0.25, saidSeconds: 150, tookSeconds: 250, error: 100 / 300 });
});
