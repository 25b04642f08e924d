import { expect, test } from 'vitest';
import { attentionPairs, type StepLoad } from '../../../../gateway/endpoint/latency/step-load.ts';
import { StepModel } from '../../../../gateway/endpoint/latency/step-model.ts';
import { presets } from '../../../../infra/local/model-server/engine/presets.ts';
import { seededRandom } from '../../../../infra/local/model-server/engine/seeded-random.ts';
import { type StepCoefficients, stepMs } from '../../../../infra/local/model-server/engine/step-time.ts';
import { engineOf } from '../../../sim/pool/engine-kinds.ts';

function randomLoad(random: () => number): StepLoad {
  const decodes = Math.floor(1 + 100 * random());
  const promptTokens = random() < 0.3 ? Math.floor(100 + 3000 * random()) : 0;
  const contextTokens = Math.floor(decodes * (300 + 1500 * random()));
  return { decodes, contextTokens, promptTokens, promptPairs: attentionPairs(promptTokens, 0) };
}

function seenMs(
  { decodes, contextTokens, promptTokens, promptPairs }: StepLoad,
  coefficients: StepCoefficients,
): number {
  const prefill = { prefillTokens: promptTokens, prefillPairs: promptPairs, prefillContextTokens: 0 };
  return stepMs({ decodes, decodeContextTokens: contextTokens, ...prefill }, coefficients);
}

function learned(coefficients: StepCoefficients, noise: number, slowness = 1): StepModel {
  const model = new StepModel();
  const random = seededRandom(1);
  for (let step = 0; step < 4000; step += 1) {
    const load = randomLoad(random);
    model.learnStep(load, seenMs(load, coefficients) * slowness * (1 + noise * (2 * random() - 1)), slowness);
  }
  return model;
}

const engines = [...Object.keys(presets).slice(0, 3), 'h100-80g-qwen3-32b-tp2'];

test.each(engines)('the steps of %s are learned within a few percent, noise of ten percent or none', (preset) => {
  const { coefficients } = engineOf({ preset });
  for (const noise of [0, 0.1]) {
    const model = learned(coefficients, noise);
    const random = seededRandom(2);
    const errors = Array.from({ length: 200 }, () => {
      const load = randomLoad(random);
      return Math.abs(model.stepMs(load) / seenMs(load, coefficients) - 1);
    }).sort((a, b) => a - b);
    expect(errors[100]).toBeLessThan(0.04);
    expect(errors[190]).toBeLessThan(0.12);
  }
});

test('a prompt is what its step takes longer, beside the context that is read once more', () => {
  const { coefficients } = engineOf({ preset: engines[0]! });
  const model = learned(coefficients, 0);
  const load = { decodes: 40, contextTokens: 40_000, promptTokens: 2000, promptPairs: attentionPairs(2000, 0) };
  const longer = model.stepMs(load) - model.stepMs({ ...load, promptTokens: 0, promptPairs: 0 });
  expect(model.promptMs(2000, load.promptPairs) + model.joinMs(40_000)).toBeCloseTo(longer, 6);
});

test.each(engines)(
  'short prompts that cost %s nothing, as they should, do not make the others seem cheaper',
  (preset) => {
    const { coefficients } = engineOf({ preset });
    const model = new StepModel();
    const random = seededRandom(3);
    const mixed = (promptTokens: number): StepLoad => ({
      decodes: 2,
      contextTokens: 2000,
      promptTokens,
      promptPairs: attentionPairs(promptTokens, 0),
    });
    for (let step = 0; step < 4000; step += 1) {
      const isShort = step > 1000 && step % 2 === 0;
      const load = mixed(isShort ? 20 + Math.floor(60 * random()) : Math.floor(500 + 4000 * random()));
      model.learnStep(load, seenMs(load, coefficients), 1);
      model.learnStep(
        { ...load, promptTokens: 0, promptPairs: 0 },
        seenMs({ ...load, promptTokens: 0, promptPairs: 0 }, coefficients),
        1,
      );
    }
    for (const promptTokens of [600, 1000, 2000, 4000]) {
      const load = mixed(promptTokens);
      expect(Math.abs(model.stepMs(load) / seenMs(load, coefficients) - 1)).toBeLessThan(0.03);
    }
    const short = mixed(50);
    expect(model.stepMs(short)).toBeGreaterThanOrEqual(model.stepMs({ ...short, promptTokens: 0, promptPairs: 0 }));
  },
);

test('what makes one endpoint slower than the others is not learned', () => {
  const { coefficients } = engineOf({ preset: engines[0]! });
  const [usual, slow] = [learned(coefficients, 0), learned(coefficients, 0, 5)];
  const load = { decodes: 40, contextTokens: 40_000, promptTokens: 0, promptPairs: 0 };
  expect(slow.stepMs(load) / usual.stepMs(load)).toBeGreaterThan(0.9);
});

test('it knows nothing before it has seen steps with and without prompts', () => {
  const model = new StepModel();
  const plain = { decodes: 1, contextTokens: 100, promptTokens: 0, promptPairs: 0 };
  for (let step = 0; step < 100; step += 1) model.learnStep(plain, 10, 1);
  expect(model.trusted).toBe(false);
  for (let step = 0; step < 16; step += 1) model.learnStep({ ...plain, promptTokens: 500, promptPairs: 1 }, 20, 1);
  expect(model.trusted).toBe(true);
  expect(model.stepMs(plain)).toBeCloseTo(10, 0);
});

test('the first steps are judged by each other: those that are far too short were none', () => {
  const model = new StepModel();
  const plain = { decodes: 1, contextTokens: 100, promptTokens: 0, promptPairs: 0 };
  for (let step = 0; step < 16; step += 1) {
    model.learnStep(plain, step % 5 === 0 ? 0.05 : 10, 1);
    model.learnStep({ ...plain, promptTokens: 500, promptPairs: 1 }, step % 5 === 0 ? 0.1 : 20, 1);
  }
  expect(model.stepMs(plain)).toBeCloseTo(10, 0);
});

test('a step whose time was not measured well counts little, however short it seems', () => {
  const model = new StepModel();
  const plain = { decodes: 1, contextTokens: 100, promptTokens: 0, promptPairs: 0 };
  for (let step = 0; step < 100; step += 1) {
    model.learnStep(plain, 10, 1);
    model.learnStep({ ...plain, promptTokens: 500, promptPairs: 1 }, 20, 1);
  }
  for (const ms of [0.01, 0.001]) model.learnStep(plain, ms, 1);
  for (let step = 0; step < 16; step += 1) model.learnStep(plain, 10, 1);
  expect(model.stepMs(plain)).toBeGreaterThan(7);
});

test('an overhead of hundreds of milliseconds is known after forty answers', () => {
  const model = new StepModel();
  const random = seededRandom(1);
  for (let sample = 0; sample < 40; sample += 1) model.learnTtft(50 + model.overheadMs, 50 + 200 * (0.5 + random()), 0);
  expect(model.overheadMs).toBeGreaterThan(170);
  expect(model.overheadMs).toBeLessThan(230);
});

test('the overhead of a request is the median of what its first token came later than its steps explain', () => {
  const model = new StepModel();
  for (let sample = 0; sample < 600; sample += 1) {
    model.learnTtft(50 + model.overheadMs, 50 + (sample % 10 === 0 ? 900 : 12), 0);
  }
  expect(model.overheadMs).toBeGreaterThan(11);
  expect(model.overheadMs).toBeLessThan(13);
});

test('prompts that were sent later and joined its step are no overhead of a request', () => {
  const model = new StepModel();
  for (let sample = 0; sample < 600; sample += 1) {
    const joinedMs = sample % 3 === 0 ? 0 : 40;
    model.learnTtft(50 + model.overheadMs, 50 + joinedMs + 2, joinedMs);
  }
  expect(model.overheadMs).toBeGreaterThan(1.9);
  expect(model.overheadMs).toBeLessThan(2.1);
});
