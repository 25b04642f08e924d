import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chooser } from '../../../gateway/choose/chooser.ts';
import { policies } from '../../../gateway/choose/policies/policies.ts';
import { pickHighest } from '../../../gateway/choose/policies/policy.ts';
import { readEngineLoad } from '../../../gateway/discovery/dialects/engine-load.ts';
import type { Attempt } from '../../../gateway/endpoint/attempt.ts';
import type { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import { QuantileEstimate } from '../../../gateway/endpoint/latency/quantile-estimate.ts';
import { StepModel } from '../../../gateway/endpoint/latency/step-model.ts';
import { contextTokensOf } from '../../../gateway/endpoint/model-list.ts';
import { UsageReader } from '../../../shared/openai/usage.ts';
import { openAttempt } from '../../support/attempts.ts';
import { knownSteps } from '../../support/known-steps.ts';
import { poolOf } from '../../support/pools.ts';
import { chosenFor, noneTaken } from '../../support/queue-items.ts';
import { routingRequestOf } from '../../support/routing-requests.ts';

/** A number as a page with a broken counter may show it. */
const absurd = fc.oneof(
  { weight: 3, arbitrary: fc.nat(2000).map(String) },
  fc.constantFrom(
    '-1',
    '0',
    '-0',
    '1e400',
    '-1e308',
    '1e308',
    'NaN',
    '+Inf',
    '1.5',
    '5e-324',
    '1000000000',
    '999999999',
  ),
  fc.integer({ min: 1, max: 400 }).map((digits) => '9'.repeat(digits)),
);

const pageOf = ([running, waiting, kv, blockSize, blocks]: readonly string[]): string =>
  [
    `vllm:num_requests_running ${running}`,
    `vllm:num_requests_waiting ${waiting}`,
    `vllm:kv_cache_usage_perc ${kv}`,
    `vllm:cache_config_info{block_size="${blockSize}",num_gpu_blocks="${blocks}"} 1`,
  ].join('\n');

const outcomes = ['complete', 'broken', 'timed_out', 'abandoned'] as const;
const statuses = [200, 200, 200, 429, 500];

const step = fc.record({
  act: fc.constantFrom('open', 'open', 'first byte', 'chunk', 'chunk', 'usage', 'end', 'page', 'page', 'wait'),
  which: fc.nat(3),
  size: fc.nat(3000),
  numbers: fc.array(absurd, { minLength: 5, maxLength: 5 }),
});

/** Of an object, and of those that it holds. */
function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

function numbersOf(endpoint: Endpoint): readonly (number | undefined)[] {
  const { limiter, prefixes, latency, health } = endpoint;
  return [
    endpoint.load,
    endpoint.saturation,
    endpoint.realtimeSaturation,
    endpoint.backlogMs,
    endpoint.waitingNow,
    endpoint.seenTpotMs,
    limiter.window,
    limiter.places.count,
    limiter.toEvict,
    limiter.sloBudgetFactor,
    limiter.roomInMs('realtime'),
    limiter.roomInMs('sheddable'),
    prefixes.horizon,
    latency.ttftError,
    latency.idleTpotMs,
    health.perSecond,
    health.tally.failures,
    latency.plainStepMs,
    latency.aloneMs({ tokens: 1000, pairs: 500_000 }, 10),
    ...numbersIn(endpoint.predict(endpoint.featuresOf(1000, 10))),
    ...numbersIn(endpoint.featuresOf(1000, 10)),
  ];
}

test('no sequence of answers and pages makes anything infinite, and some endpoint is always picked', () => {
  const all = Object.values(policies);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, stream) => {
      const { pool, clock, endpoint } = poolOf('a', 'b');
      const choosers = all.map((policy) => new Chooser({ pool, policy, holdsQueue: false, random: () => 0.5 }));
      const attempts = new Map<number, Attempt>();
      for (const { act, which, size, numbers } of steps) {
        const attempt = attempts.get(which);
        if (act === 'open' && !attempt) {
          const wish = { stream, promptTokens: 1 + size, ttftSloMs: 1 + size, priority: (which % 2) - 1 };
          attempts.set(which, openAttempt(endpoint('a'), clock.nowMs, wish));
        }
        if (act === 'first byte')
          attempt?.firstByte(statuses[size % statuses.length]!, Number(numbers[0]), clock.nowMs);
        if (act === 'chunk') attempt?.chunk(clock.nowMs);
        if (act === 'usage') {
          const [prompt, completion, cached] = numbers;
          const details = `"prompt_tokens_details":{"cached_tokens":${cached}}`;
          const reader = new UsageReader();
          reader.push(Buffer.from(`"usage":{"prompt_tokens":${prompt},"completion_tokens":${completion},${details}}`));
          const { usage } = reader;
          if (usage) attempt?.reported(usage);
        }
        if (act === 'end') {
          attempt?.end(outcomes[size % outcomes.length]!, clock.nowMs);
          attempts.delete(which);
        }
        if (act === 'page') {
          const load = readEngineLoad(pageOf(numbers));
          if (load) endpoint('a').recordLoad(load);
        }
        if (act === 'wait') clock.nowMs += size ** 2;
        for (const value of numbersOf(endpoint('a'))) if (value !== undefined) expect(value).toSatisfy(Number.isFinite);
        expect(pool.saturation).toSatisfy(Number.isFinite);
        for (const chooser of choosers) {
          const choice = chooser.choose(chosenFor(routingRequestOf({ promptTokens: 1 + size })), noneTaken);
          expect('winner' in choice && choice.scores.every(Number.isFinite)).toBe(true);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('answers that say absurd numbers of tokens leave an endpoint as honest ones do', () => {
  const saturationAfter = (completionTokens: number) => {
    const { clock, endpoint } = poolOf('a');
    let saturation = 0;
    for (let answer = 0; answer < 20; answer += 1) {
      const attempt = openAttempt(endpoint('a'), clock.nowMs, { stream: true });
      for (let chunk = 0; chunk < 10; chunk += 1) {
        clock.nowMs += 25;
        attempt.firstByte(200, 0, clock.nowMs);
        attempt.chunk(clock.nowMs);
      }
      ({ saturation } = endpoint('a'));
      attempt.reported({ promptTokens: 10, completionTokens, cachedTokens: 0 });
      attempt.end('complete', clock.nowMs);
    }
    return saturation;
  };
  expect(saturationAfter(1e9)).toBe(saturationAfter(10));
  expect(saturationAfter(10)).toBeGreaterThan(0.5);
});

test.each([
  [[Number.NaN, Number.NaN], 0],
  [[Number.NaN, 0], 1],
  [[0.5, Number.NaN, 1], 2],
  [[Number.NEGATIVE_INFINITY], 0],
  [[], -1],
])('of scores %j one is picked where there is any', (scores, expected) => {
  expect(pickHighest(scores, () => 0.9)).toBe(expected);
});

test.each([
  ['a step without a time', { decodes: 1, contextTokens: 1 }, Number.NaN],
  ['a step without an end', { decodes: 1, contextTokens: 1 }, Number.POSITIVE_INFINITY],
  ['a step of no time', { decodes: 1, contextTokens: 1 }, 5e-324],
  ['a context without an end', { decodes: 1, contextTokens: Number.POSITIVE_INFINITY }, 8],
  ['a context that is no number', { decodes: 1, contextTokens: Number.NaN }, 8],
  ['more requests than can be counted', { decodes: 1e308, contextTokens: 1 }, 8],
])('%s teaches nothing: all that was learned stays finite', (_, load, ms) => {
  const model = knownSteps();
  const usual = { decodes: 10, contextTokens: 5000, promptTokens: 0, promptPairs: 0 };
  const before = model.stepMs(usual);
  for (let step = 0; step < 64; step += 1) model.learnStep({ ...load, promptTokens: 0, promptPairs: 0 }, ms, 1);
  expect(model.stepMs(usual) / before).toBeCloseTo(1, 1);
  for (let step = 0; step < 400; step += 1) model.learnStep(usual, 2 * before, 1);
  expect(model.stepMs(usual)).toBeGreaterThan(1.2 * before);
});

test('neither a first token nor a time per token that is no number is learned', () => {
  const [model, fresh] = [new StepModel(), new StepModel()];
  for (const learned of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (let sample = 0; sample < 100_000; sample += 1) {
      model.learnTtft(50, learned, 0);
      model.learnTpot(10, learned);
    }
  }
  for (const { overheadMs, ttftHighFactor, tpotHighFactor } of [model, fresh]) {
    expect([overheadMs, ttftHighFactor, tpotHighFactor].every(Number.isFinite)).toBe(true);
  }
  const quantile = new QuantileEstimate(0.9, 1.3);
  for (let sample = 0; sample < 100_000; sample += 1) quantile.learn(Number.POSITIVE_INFINITY);
  quantile.learn(Number.NaN);
  expect(quantile.value).toBe(1000);
});

test.each([0, -1, 0.5, 1e308, Number.POSITIVE_INFINITY, Number.NaN, '4096', null])(
  'a context of %s tokens is none',
  (max_model_len) => {
    expect(contextTokensOf({ id: 'm', max_model_len })).toBeUndefined();
  },
);
