import { expect, test } from 'vitest';
import { ReadingPeriod } from '../../../gateway/discovery/reading-period.ts';

/** Eight readings of each. */
const many = (...tookMs: number[]): number[] => tookMs.flatMap((ms) => Array.from({ length: 8 }, () => ms));

test.each([
  ['before the first page', [], 250],
  ['a page that costs nothing', many(1, 2), 250],
  ['vLLM’s, which takes 7 ms of its API server', [...many(9, 30), 7], 700],
  ['the first ones, which meet processes that have just started', many(500).slice(1), 250],
  ['one that takes for ever', many(5000), 10_000],
  ['a slow one that became fast, by the last sixteen', [1, ...Array.from({ length: 16 }, () => 8)], 800],
])('a page is read so often that it costs a hundredth at most: %s', (_, tookMs, periodMs) => {
  const period = new ReadingPeriod(250);
  for (const ms of tookMs) period.record(ms);
  expect([period.ms, period.freshForMs]).toEqual([periodMs, 4 * periodMs]);
});

test('a period that is longer than asked for is never shortened', () => {
  const period = new ReadingPeriod(60_000);
  for (const ms of many(5000)) period.record(ms);
  expect(period.ms).toBe(60_000);
});
