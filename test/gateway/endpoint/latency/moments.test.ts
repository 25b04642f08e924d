import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Moments, nonNegativeWeights } from '../../../../gateway/endpoint/latency/moments.ts';

function weightsOf(samples: readonly (readonly [readonly number[], number])[]): readonly number[] {
  const moments = new Moments(samples[0]![0].length, 1000);
  for (const [terms, seen] of samples) moments.add(terms, seen);
  return nonNegativeWeights([moments]);
}

test('weights of terms on very different scales are found', () => {
  const samples = [1, 2, 3, 4, 5, 6].map((step) => {
    const terms = [1, step, 1e6 * ((step * step) % 7)];
    return [terms, 8 + 0.5 * terms[1]! + 3e-6 * terms[2]!] as const;
  });
  const [base, each, perMillion] = weightsOf(samples);
  expect(base).toBeCloseTo(8, 1);
  expect(each).toBeCloseTo(0.5, 2);
  expect(perMillion! * 1e6).toBeCloseTo(3, 2);
});

test('a term that cannot be told from the first one gets no weight', () => {
  const [base, same] = weightsOf([
    [[1, 1], 10],
    [[1, 1], 10],
  ]);
  expect(base).toBeCloseTo(10, 3);
  expect(same).toBeCloseTo(0, 3);
});

test('a term that no sample has gets 0', () => {
  expect(weightsOf([[[1, 0], 10]])[1]).toBe(0);
});

test('where more work came with less time its weight is 0, not negative, and the others still fit', () => {
  const [base, each] = weightsOf([
    [[1, 1], 10],
    [[1, 2], 9],
    [[1, 3], 8],
  ]);
  expect(each).toBe(0);
  expect(base).toBeGreaterThan(7.9);
  expect(base).toBeLessThan(10.1);
});

test('what was seen long ago fades', () => {
  const moments = new Moments(1, 10);
  for (let sample = 0; sample < 100; sample += 1) moments.add([1], 10);
  for (let sample = 0; sample < 100; sample += 1) moments.add([1], 30);
  expect(nonNegativeWeights([moments])[0]).toBeCloseTo(30, 1);
});

test('without a sample all weights are 0', () => {
  expect(nonNegativeWeights([new Moments(3, 10)])).toEqual([0, 0, 0]);
});

test('weights are finite and never negative, whatever the samples are', () => {
  const value = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true }));
  const sample = fc.tuple(
    fc.array(value, { minLength: 4, maxLength: 4 }),
    fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 20 }), (samples) => {
      for (const weight of weightsOf(samples)) {
        expect(Number.isFinite(weight)).toBe(true);
        expect(weight).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
