import { expect, test } from 'vitest';
import { StepModel } from '../../../../gateway/endpoint/latency/step-model.ts';
import { oneEndpoint } from '../../../support/attempts.ts';
import { knownSteps } from '../../../support/known-steps.ts';

const prompt = { tokens: 1000, pairs: 500_000 };

test('what a request alone would take: its prompt, then its tokens one by one', () => {
  const { latency } = oneEndpoint().endpoint;
  const { ttftMs, tpotMs } = latency.alone(prompt);
  expect(Math.abs(ttftMs - (8 + 25.9))).toBeLessThan(3);
  expect(Math.abs(tpotMs - 8)).toBeLessThan(0.5);
  expect(latency.aloneMs(prompt, 11)).toBeCloseTo(ttftMs + 10 * tpotMs, 9);
});

test('before any step is known nothing is said of a request alone but the least that was seen under a light load', () => {
  const { latency } = oneEndpoint({ stepModel: new StepModel() }).endpoint;
  expect(latency.alone(prompt)).toEqual({ ttftMs: 0, tpotMs: 0 });
  for (const seenMs of [70, 65, 90]) latency.recordLightTpot(seenMs);
  expect(latency.idleTpotMs).toBe(65);
});

test('a light load tells until ten answers have told', () => {
  const { endpoint } = oneEndpoint();
  const { latency } = endpoint;
  latency.recordLightTpot(65);
  const prediction = endpoint.predict(endpoint.featuresOf(1, 0));
  for (let answer = 0; answer < 9; answer += 1) latency.learnTpot(prediction, 20);
  expect(latency.idleTpotMs).toBe(65);
  latency.learnTpot(prediction, 20);
  expect(latency.idleTpotMs).toBeLessThan(9);
});

test('what a request would see without the sheddable work that is there', () => {
  const { endpoint, run } = oneEndpoint();
  const expected = () => endpoint.predict(endpoint.featuresOf(100, 0));
  run().chunk();
  const before = expected();
  for (let request = 0; request < 10; request += 1) {
    run({ priority: -1 }).chunk();
    run({ priority: -1, promptTokens: 1000 });
  }
  const beside = expected();
  expect(beside.ttftMs - before.ttftMs).toBeGreaterThan(200);
  expect(Math.abs(beside.besideRealtime.ttftMs - before.ttftMs)).toBeLessThan(20);
  expect(beside.tpotMs).toBeGreaterThan(before.tpotMs);
  expect(beside.besideRealtime.tpotMs).toBeCloseTo(before.besideRealtime.tpotMs, 6);
});

test.each([
  { comes: 'while the same step runs', afterStep: false, least: 0.5, most: 1.5 },
  { comes: 'later', afterStep: true, least: 15, most: 40 },
])('a prompt that comes $comes: whether what it takes is an overhead of the request before it', (wish) => {
  const stepModel = knownSteps();
  const { run, clock, endpoint } = oneEndpoint({ stepModel });
  const generating = run();
  const stepEndsIn = (ms: number): void => {
    clock.nowMs += ms;
    generating.chunk();
  };
  for (let step = 0; step < 4; step += 1) stepEndsIn(10);
  for (let round = 0; round < 400; round += 1) {
    clock.nowMs += 1;
    const expectedInMs = endpoint.predict(endpoint.featuresOf(1000, 0)).ttftMs;
    const stepsMs = expectedInMs - stepModel.overheadMs;
    const first = run({ promptTokens: 1000, expectedInMs });
    if (wish.afterStep) stepEndsIn(9);
    clock.nowMs += 2;
    const second = run({ promptTokens: 1000 });
    const { tokens, pairs } = second.attempt.prompt;
    stepEndsIn(wish.afterStep ? 8 : 7);
    if (!wish.afterStep) stepEndsIn(10);
    // Both come with the end of one step, a millisecond after their prompts should be computed.
    stepEndsIn(stepsMs - 19 + endpoint.latency.prefillMs(tokens, pairs) + 1);
    first.chunk();
    second.chunk();
    stepEndsIn(10);
    first.served();
    second.served();
  }
  expect(stepModel.overheadMs).toBeGreaterThan(wish.least);
  expect(stepModel.overheadMs).toBeLessThan(wish.most);
});
