import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LatencyModel } from '../../../../gateway/endpoint/latency/latency-model.ts';
import { LeastSquares } from '../../../../gateway/endpoint/latency/least-squares.ts';
import { type LoadFeatures, tpotFeatures, ttftFeatures } from '../../../../gateway/endpoint/latency/load-features.ts';
import { QuantileEstimate } from '../../../../gateway/endpoint/latency/quantile-estimate.ts';
import { seededRandom } from '../../../../infra/local/model-server/engine/seeded-random.ts';

function situationOf(random: () => number): LoadFeatures {
  const decodes = Math.floor(random() * 200);
  return {
    aheadTokens: 0,
    aheadPairs: 0,
    ...(random() < 0.5 ? {} : { aheadTokens: random() * 8000, aheadPairs: random() * 1e7 }),
    uncachedTokens: 1 + random() * 4000,
    cachedTokens: random() < 0.7 ? 0 : random() * 4000,
    decodes,
    contextTokens: decodes * (500 + random() * 1000),
    overflowTokens: 0,
  };
}

const dot = (weights: readonly number[], features: readonly number[]) =>
  weights.reduce((sum, weight, index) => sum + weight * features[index]!, 0);

/** An engine four times slower than what is believed at first. */
const slowTtft = [60, 100, 7, 4, 30, 4, 40];
const slowTpot = [32, 4, 24, 4];

function learned(samples: number, factor = (_: number): number => 1) {
  const random = seededRandom(7);
  const model = new LatencyModel();
  for (let sample = 0; sample < samples; sample += 1) {
    const situation = situationOf(random);
    const noise = 0.9 + 0.2 * random();
    model.learnTtft(situation, dot(slowTtft, ttftFeatures(situation)) * noise * factor(sample));
    model.learnTpot(situation, dot(slowTpot, tpotFeatures(situation)) * noise * factor(sample));
  }
  return { model, random };
}

describe('the latency model', () => {
  test('is not trusted before it has seen anything', () => {
    const { model } = learned(9);
    expect([model.trusted, learned(0).model.samples]).toEqual([false, 0]);
  });

  test('learns an engine unlike the one that is believed in, with quantiles', () => {
    const { model, random } = learned(1000);
    const errors: number[] = [];
    let kept = 0;
    for (let trial = 0; trial < 200; trial += 1) {
      const situation = situationOf(random);
      const { ttftMs, ttftHighMs, tpotMs } = model.predict(situation);
      const noise = 0.9 + 0.2 * random();
      const trueTtftMs = dot(slowTtft, ttftFeatures(situation));
      errors.push(
        Math.abs(ttftMs - trueTtftMs) / trueTtftMs,
        Math.abs(tpotMs / dot(slowTpot, tpotFeatures(situation)) - 1),
      );
      if (trueTtftMs * noise <= ttftHighMs) kept += 1;
    }
    errors.sort((a, b) => a - b);
    expect(errors[200]).toBeLessThan(0.05);
    expect(model.trusted).toBe(true);
    expect(model.ttftError).toBeLessThan(0.1);
    expect(kept / 200).toBeGreaterThan(0.8);
    expect(kept / 200).toBeLessThan(1);
  });

  test('is no longer trusted where the engine does what it likes, and is again once it behaves', () => {
    const wild = seededRandom(3);
    const unruly = learned(400, (sample) => (sample < 300 ? 1 : 10 ** (4 * wild() - 2)));
    expect(unruly.model.trusted).toBe(false);
    const calm = learned(1200, (sample) => (sample < 300 || sample > 400 ? 1 : 3));
    expect(calm.model.trusted).toBe(true);
  });

  test('tells the wait behind others apart from the time alone', () => {
    const { model } = learned(1000);
    const situation = { ...situationOf(seededRandom(1)), aheadTokens: 8000, aheadPairs: 0 };
    const aloneMs = model.ttftAloneMs(situation);
    expect(model.predict(situation).ttftMs - aloneMs).toBeGreaterThan(600);
    expect(model.predict({ ...situation, aheadTokens: 0, aheadPairs: 0 }).ttftMs).toBeCloseTo(aloneMs, 6);
  });
});

describe('least squares', () => {
  test('weights never fall below zero, whatever the samples', () => {
    const features = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 3, maxLength: 3 });
    const samples = fc.array(fc.tuple(features, fc.double({ min: 0, max: 1e4, noNaN: true })), { maxLength: 60 });
    fc.assert(
      fc.property(samples, (all) => {
        const model = new LeastSquares({ weights: [1, 1, 1], deviations: [2, 2, 2], forgetting: 0.001 });
        for (const [each, target] of all) model.learn(each, target, 1 + target);
        for (const weight of model.weights) {
          expect(weight).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(weight)).toBe(true);
        }
      }),
    );
  });

  test('what no sample tells of stays as it was believed', () => {
    const model = new LeastSquares({ weights: [1, 5], deviations: [2, 10], forgetting: 0.001 });
    for (let sample = 0; sample < 2000; sample += 1) model.learn([1, 0], 3, 1);
    expect(model.weights[0]).toBeCloseTo(3, 1);
    expect(model.weights[1]).toBeCloseTo(5, 6);
  });

  test('a weight that would be negative leaves the others to explain the samples', () => {
    const model = new LeastSquares({ weights: [1, 1], deviations: [10, 10], forgetting: 0.001 });
    for (let sample = 0; sample < 300; sample += 1) model.learn([1, 1 + (sample % 2)], sample % 2 === 0 ? 9 : 7, 8);
    expect(model.weights[1]).toBe(0);
    expect(model.weights[0]).toBeGreaterThan(7);
    expect(model.weights[0]).toBeLessThan(9);
  });
});

test('a quantile that met nothing but zeros is back within a few hundred samples', () => {
  const estimate = new QuantileEstimate(0.9, 1);
  for (let sample = 0; sample < 100_000; sample += 1) estimate.learn(0);
  for (let sample = 0; sample < 300; sample += 1) estimate.learn(1);
  expect(estimate.value).toBeGreaterThan(0.9);
});

test('a quantile is followed', () => {
  const random = seededRandom(5);
  const estimate = new QuantileEstimate(0.9, 1);
  for (let sample = 0; sample < 20_000; sample += 1) estimate.learn(1 + random());
  expect(estimate.value).toBeGreaterThan(1.8);
  expect(estimate.value).toBeLessThan(2);
});

test.each([
  ['as modelled', 1, 1],
  ['slower than modelled', 1.5, 1.5],
  ['faster than modelled', 0.75, 0.75],
  ['at the most double', 45, 2],
  ['at the least half', 0.05, 0.5],
])('streams that show tokens %s move the prediction alike', (_, seen, ratio) => {
  const model = new LatencyModel();
  const situation = situationOf(seededRandom(1));
  const runningMs = model.tpotMs({ ...situation, uncachedTokens: 0, cachedTokens: 0 });
  const [silent, told] = [model.predict(situation), model.predict(situation, seen * runningMs)];
  expect(told.tpotMs).toBeCloseTo(silent.tpotMs * ratio, 9);
  expect(told.tpotHighMs).toBeCloseTo(silent.tpotHighMs * ratio, 9);
  expect(told.ttftMs).toBe(silent.ttftMs);
});
