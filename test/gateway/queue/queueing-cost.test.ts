import { expect, test } from 'vitest';
import { type QueueingCostRequest, queueingCostOf } from '../../../gateway/queue/queueing-cost.ts';
import { apiRoutes } from '../../../shared/openai/api-routes.ts';

const request: QueueingCostRequest = {
  route: apiRoutes.completions,
  promptTokens: 100,
  answersAsked: 1,
  maxOutputTokens: undefined,
  sizeBytes: 400,
  ttftSloMs: undefined,
  tpotSloMs: undefined,
  missBudget: undefined,
};

test('without promises: the deadline is the arrival, the service level the usual one', () => {
  expect(queueingCostOf(request, 5000)).toEqual({
    arrivedAtMs: 5000,
    deadlineAtMs: 5000,
    work: 300,
    sizeBytes: 400,
    slo: { ttftMs: 1000, tpotMs: 50, missBudget: 0.01 },
  });
});

test('promises are kept as they are, and the deadline is the arrival and the TTFT', () => {
  expect(queueingCostOf({ ...request, ttftSloMs: 200, tpotSloMs: 20, missBudget: 0.1 }, 5000)).toMatchObject({
    deadlineAtMs: 5200,
    slo: { ttftMs: 200, tpotMs: 20, missBudget: 0.1 },
  });
});

test('the time left of sheddable work orders it, and promises nothing', () => {
  const day = 86_400_000;
  expect(queueingCostOf({ ...request, leftMs: day }, 5000)).toMatchObject({
    deadlineAtMs: 5000 + day,
    slo: { ttftMs: 1000, tpotMs: 50 },
  });
});

test.each([
  ['a limit below the usual counts', 100, 16, 116],
  ['a limit above it does not: few use it up', 100, 100_000, 300],
  ['nothing still costs something', 0, 0, 1],
])('work: %s', (_, promptTokens, maxOutputTokens, work) => {
  expect(queueingCostOf({ ...request, promptTokens, maxOutputTokens }, 0)).toMatchObject({ work });
});

test.each([
  ['each answer that it asks for, with n, best_of or a list of prompts', apiRoutes.completions, 8, 100 + 8 * 200],
  ['an embedding has no answer to generate', apiRoutes.embeddings, 8, 100],
])('work: %s', (_, route, answersAsked, work) => {
  expect(queueingCostOf({ ...request, route, answersAsked }, 0)).toMatchObject({ work });
});
