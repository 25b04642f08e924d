import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Durations } from '../../../../functions/processor/dispatch/durations.ts';
import { mono } from '../../../support/instants.ts';

function recorded(all: readonly number[], atMs = 0): Durations {
  const durations = new Durations();
  for (const ms of all) durations.record(ms, mono(atMs));
  return durations;
}

test('any quantile lies between its bounds, which are a tenth apart', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 86_000_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      (all, share) => {
        const exactMs = all.toSorted((a, b) => a - b)[Math.ceil(share * all.length) - 1]!;
        const { leastMs, mostMs } = recorded(all).quantile(share)!;
        expect(leastMs).toBeLessThanOrEqual(exactMs * (1 + 1e-9));
        expect(mostMs).toBeGreaterThanOrEqual(exactMs * (1 - 1e-9));
        if (exactMs > 1.1) expect(mostMs / leastMs).toBeCloseTo(1.1);
      },
    ),
  );
});

test.each([
  ['nothing', 0, { leastMs: 0, mostMs: 1 }],
  ['a millisecond', 1, { leastMs: 0, mostMs: 1 }],
  ['more than a day counts as a day', 1e12, { leastMs: expect.closeTo(86_400_000, -8), mostMs: expect.any(Number) }],
])('%s', (_, ms, expected) => {
  expect(recorded([ms]).quantile(0.5)).toEqual(expected);
});

test('of none there is no quantile', () => {
  expect(new Durations().quantile(0.5)).toBeUndefined();
  expect(new Durations().known(mono(0))).toBe(0);
});

describe('forgets within minutes', () => {
  test.each([
    ['at once', 0, 3],
    ['a moment before five minutes', 299_999, 3],
    ['at five minutes', 300_000, 0],
  ])('how many are known %s', (_, nowMs, known) => {
    expect(recorded([1, 2, 3]).known(mono(nowMs))).toBe(known);
  });

  test('a change of pace: the old one counts for at most five minutes', () => {
    const durations = new Durations();
    for (let second = 0; second < 600; second += 1) durations.record(second < 300 ? 1000 : 8000, mono(second * 1000));
    expect(durations.known(mono(600_000))).toBe(300);
    expect(durations.quantile(0.01)!.leastMs).toBeGreaterThan(7000);
  });

  test('what came after a long silence stands alone', () => {
    const durations = recorded([1, 1, 1]);
    durations.record(500, mono(400_000));
    expect(durations.known(mono(400_000))).toBe(1);
    expect(durations.quantile(0.01)!.leastMs).toBeGreaterThan(450);
  });
});
