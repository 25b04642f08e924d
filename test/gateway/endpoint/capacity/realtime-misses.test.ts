import { expect, test } from 'vitest';
import { isOverBudget, RealtimeMisses } from '../../../../gateway/endpoint/capacity/realtime-misses.ts';
import { Pool } from '../../../../gateway/endpoint/pool.ts';

test.each<[string, number, number, boolean]>([
  ['nothing was seen', 0, 0, false],
  ['one miss is chance', 1, 0, false],
  ['two of few are more than chance', 2, 0.1, true],
  ['one above the budget', 11, 10, false],
  ['more than that', 11.1, 10, true],
])('%s', (_, missed, allowed, expected) => {
  expect(isOverBudget([{ missed, allowed }])).toBe(expected);
});

test('what counts is the sum over endpoints', () => {
  const missed = { missed: 3, allowed: 0.5 };
  expect(isOverBudget([missed, { missed: 0, allowed: 1.4 }])).toBe(true);
  expect(isOverBudget([missed, { missed: 0, allowed: 1.6 }])).toBe(false);
});

test('what was counted fades within minutes', () => {
  const misses = new RealtimeMisses();
  for (let answer = 0; answer < 10; answer += 1) misses.record(answer < 5, 0.1, 1000);
  expect(misses.at(1000)).toEqual({ missed: 5, allowed: expect.closeTo(1) });
  expect(misses.at(61_000)).toEqual({ missed: expect.closeTo(5 / Math.E), allowed: expect.closeTo(1 / Math.E) });
  misses.record(true, 0.1, 61_000);
  expect(misses.at(61_000).missed).toBeCloseTo(1 + 5 / Math.E);
});

test('a pool tells it of all its endpoints, until it has faded', () => {
  let nowMs = 0;
  const pool = new Pool({ nowMs: () => nowMs, staleAfterMs: 1000 });
  pool.replace(['http://a', 'http://b'].map((url) => ({ url, labels: {} })));
  expect(pool.realtimeOverBudget).toBe(false);
  for (const { limiter } of pool.endpoints) {
    limiter.recordLatency({ ttftMs: 100, tpotMs: 50, missBudget: 0.01 }, { ttftMs: 101 });
  }
  expect(pool.realtimeOverBudget).toBe(true);
  nowMs = 60_000;
  expect(pool.realtimeOverBudget).toBe(false);
});
