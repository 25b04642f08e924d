import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decayed, type Ewma, ewma, noSamples, RecentRate, withSample } from '../../../shared/runtime/ewma.ts';

const value = fc.double({ min: -1e9, max: 1e9, noNaN: true });
const weight = fc.double({ min: 0.001, max: 1, noNaN: true });
const positiveMs = fc.double({ min: 1, max: 1e9, noNaN: true });

const meanOf = (samples: readonly number[], weight: number): Ewma =>
  samples.reduce<Ewma>((mean, sample) => withSample(mean, sample, weight), noSamples);

describe('a moving average', () => {
  test.each([
    ['weight 1 is the sample', 5, 9, 1, 9],
    ['an eighth of the way', 8, 16, 1 / 8, 9],
    ['a sample like the mean changes nothing', 7, 7, 0.3, 7],
  ])('%s', (_, mean, sample, weight, expected) => {
    expect(ewma(mean, sample, weight)).toBe(expected);
  });

  test('lies between what it was and the sample', () => {
    fc.assert(
      fc.property(value, value, weight, (mean, sample, weight) => {
        const next = ewma(mean, sample, weight);
        const slack = 1e-6;
        expect(next).toBeGreaterThanOrEqual(Math.min(mean, sample) - slack);
        expect(next).toBeLessThanOrEqual(Math.max(mean, sample) + slack);
      }),
    );
  });

  test('of its first samples is their plain mean, however small the weight', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 16 }), (samples) => {
        const plain = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
        expect(meanOf(samples, 1 / 16)).toEqual({ mean: expect.closeTo(plain, 3), samples: samples.length });
      }),
    );
  });

  test('forgets: after a change it comes within 2 % of the new level in four spans', () => {
    const samples = [...Array<number>(100).fill(1000), ...Array<number>(4 * 16).fill(0)];
    expect(meanOf(samples, 1 / 16).mean).toBeLessThan(20);
  });

  test('changes nothing that it was given', () => {
    expect(withSample(noSamples, 5, 0.5)).toEqual({ mean: 5, samples: 1 });
    expect(noSamples).toEqual({ mean: 0, samples: 0 });
  });
});

describe('a value that decays', () => {
  test.each([
    ['at once', 0, 8],
    ['after a half-life', 1000 * Math.LN2, 4],
    ['after three', 3000 * Math.LN2, 1],
    ['on a clock that went back', -5000, 8],
    ['after for ever', Number.POSITIVE_INFINITY, 0],
  ])('%s', (_, elapsedMs, expected) => {
    expect(decayed(8, elapsedMs, 1000)).toBeCloseTo(expected, 12);
  });

  test('in two steps is what it is in one', () => {
    fc.assert(
      fc.property(value, positiveMs, positiveMs, positiveMs, (from, firstMs, secondMs, memoryMs) => {
        const twice = decayed(decayed(from, firstMs, memoryMs), secondMs, memoryMs);
        expect(twice).toBeCloseTo(decayed(from, firstMs + secondMs, memoryMs), 3);
      }),
    );
  });
});

describe('a rate', () => {
  const memoryMs = 10_000;
  const after = (perSecond: number, seconds: number) => {
    const rate = new RecentRate(memoryMs);
    let nowMs = 0;
    for (let event = 0; event < perSecond * seconds; event += 1) {
      nowMs += 1000 / perSecond;
      rate.record(nowMs);
    }
    return { rate, nowMs };
  };

  test('of nothing is 0, at any time', () => {
    expect(new RecentRate(memoryMs).perSecond(0)).toBe(0);
    expect(new RecentRate(memoryMs).perSecond(1e12)).toBe(0);
  });

  test.each([1, 10, 200])('a steady %i a second is found within half a minute', (perSecond) => {
    const { rate, nowMs } = after(perSecond, 40);
    expect(rate.perSecond(nowMs) / perSecond).toBeGreaterThan(0.95);
    expect(rate.perSecond(nowMs) / perSecond).toBeLessThan(1.1);
  });

  test('fades by itself: to 1/e in its memory, to less than a hundredth in five', () => {
    const { rate, nowMs } = after(10, 40);
    const before = rate.perSecond(nowMs);
    expect(rate.perSecond(nowMs + memoryMs)).toBeCloseTo(before / Math.E);
    expect(rate.perSecond(nowMs + 5 * memoryMs)).toBeLessThan(before / 100);
  });

  test('is not changed by being read', () => {
    fc.assert(
      fc.property(fc.array(positiveMs, { maxLength: 20 }), positiveMs, (pausesMs, laterMs) => {
        const [read, unread] = [new RecentRate(memoryMs), new RecentRate(memoryMs)];
        let nowMs = 0;
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs;
          for (const rate of [read, unread]) rate.record(nowMs);
          for (const atMs of [nowMs, nowMs + laterMs, nowMs]) read.perSecond(atMs);
        }
        expect(read.perSecond(nowMs)).toBe(unread.perSecond(nowMs));
      }),
    );
  });
});
