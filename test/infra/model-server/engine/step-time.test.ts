import { expect, test } from 'vitest';
import { presets } from '../../../../infra/local/model-server/engine/presets.ts';
import { type StepLoad, stepMs } from '../../../../infra/local/model-server/engine/step-time.ts';

const idle: StepLoad = {
  decodes: 0,
  decodeContextTokens: 0,
  prefillTokens: 0,
  prefillPairs: 0,
  prefillContextTokens: 0,
};
const chunk = (tokens: number, context: number) => ({
  prefillTokens: tokens,
  prefillPairs: tokens * (context + tokens / 2),
  prefillContextTokens: context,
});

/** Worked out by hand from the coefficients of rtxpro6000-llama3.1-8b; 11.47 is the weights and the host. */
test.each<[string, Partial<StepLoad>, number]>([
  ['one decode holding 100 tokens', { decodes: 1, decodeContextTokens: 100 }, 11.47 + 0.01404 + 0.01063],
  ['64 decodes holding 64,000', { decodes: 64, decodeContextTokens: 64_000 }, 11.47 + 0.89856 + 6.8032],
  ['a prefill at the knee', chunk(224, 0), 11.47 + 3.14496 + 0.033994],
  ['one token above the knee costs cNhi more', chunk(225, 0), 11.47 + 3.159 + 0.02255 + 0.034298],
  ['a whole budget of prefill', chunk(2048, 0), 11.47 + 28.75392 + 41.1312 + 2.841641],
  ['its second chunk also reads the first', chunk(310, 2048), 11.47 + 4.3524 + 1.9393 + 0.92537 + 1.114726],
  [
    'prefill and decode together pay for mixing',
    { ...chunk(100, 0), decodes: 4, decodeContextTokens: 4000 },
    11.47 + 1.46016 + 0.4252 + 0.006775 + 0.20928 + 0.08272,
  ],
])('step time: %s', (_, load, expectedMs) => {
  expect(stepMs({ ...idle, ...load }, presets['rtxpro6000-llama3.1-8b']!.coefficients)).toBeCloseTo(expectedMs, 4);
});

/** One decode at 1,000 tokens of context, and a prefill of 2,048, on every profile. */
test.each<[string, number, number]>([
  ['rtxpro6000-llama3.1-8b', 11.5903, 84.1968],
  ['rtx4090-llama3.1-8b', 17.5048, 197.8265],
  ['rtxpro6000-qwen3-32b-tp2', 27.6195, 351.8197],
  ['h100-80g-llama3.1-8b-tp1', 7.8714, 47.0531],
  ['a100-80g-llama3-8b-tp1', 11.6896, 148.8099],
  ['h100-80g-llama-70b-tp4', 22.7764, 146.9992],
  ['h100-80g-llama-70b-tp8', 14.6488, 101.3526],
  ['a100-80g-llama-70b-tp4', 30.9385, 404.7744],
  ['a100-80g-llama-70b-tp8', 21.3041, 253.8412],
])('step times of %s', (profile, decodeMs, prefillMs) => {
  const { coefficients } = presets[profile]!;
  expect(stepMs({ ...idle, decodes: 1, decodeContextTokens: 1000 }, coefficients)).toBeCloseTo(decodeMs, 3);
  expect(stepMs({ ...idle, ...chunk(2048, 0) }, coefficients)).toBeCloseTo(prefillMs, 3);
});

test('the table names every profile', () => {
  expect(Object.keys(presets)).toHaveLength(9);
});
