import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BytesPerToken } from '../../../gateway/admit/bytes-per-token.ts';
import { readRequestBody } from '../../../gateway/admit/request-body.ts';
import { readChat } from '../../../infra/local/model-server/api/generation.ts';
import { tokenEnds } from '../../../infra/local/model-server/api/tokenizer.ts';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { apiRoutes } from '../../../shared/openai/api-routes.ts';
import { chinesePrompts, codePrompts, recordedQuestions } from '../../support/sample-prompts.ts';

const { path } = apiRoutes.chatCompletions;
const text = (textBytes: number) => ({ textBytes, attachments: 0 });

/** Answers to prompts of `textBytes` bytes that had `promptTokens` tokens. */
function taught(textBytes: number, promptTokens: number, answers = 50): BytesPerToken {
  const learner = new BytesPerToken();
  for (let i = 0; i < answers; i += 1) learner.learn('m', path, text(textBytes), promptTokens);
  return learner;
}

test('before any answer: four bytes a token, and an attachment is a thousand', () => {
  const learner = new BytesPerToken();
  expect(learner.estimate('m', path, text(4000))).toBe(1000);
  expect(learner.estimate('m', path, text(5))).toBe(2);
  expect(learner.estimate('m', path, { textBytes: 400, attachments: 2 })).toBe(2100);
});

test.each([
  ['one byte a token', 1],
  ['Chinese in an old tokenizer', 1.5],
  ['English', 5],
  ['Chinese as JSON escapes', 8],
])('after fifty answers: %s', (_, bytesPerToken) => {
  const learner = taught(600 * bytesPerToken, 600);
  for (const tokens of [100, 600, 10_000]) {
    expect(errorOf(learner.estimate('m', path, text(tokens * bytesPerToken)), tokens)).toBeLessThan(0.15);
  }
});

test('models and routes learn apart', () => {
  const learner = taught(1000, 1000);
  expect(learner.estimate('other', path, text(4000))).toBe(1000);
  expect(learner.estimate('m', apiRoutes.completions.path, text(4000))).toBe(1000);
});

test('what changes is followed, and the older answers are forgotten', () => {
  const learner = taught(1000, 1000);
  for (let i = 0; i < 150; i += 1) learner.learn('m', path, text(8000), 1000);
  expect(errorOf(learner.estimate('m', path, text(8000)), 1000)).toBeLessThan(0.15);
});

test('one answer does not carry the estimate off, however long its prompt', () => {
  const learner = taught(2000, 500);
  learner.learn('m', path, text(30_000_000), 1_000_000);
  expect(learner.estimate('m', path, text(4000))).toBeGreaterThan(650);
});

test.each([
  ['no tokens', 400, 0],
  ['negative', 400, -100],
  ['NaN', 400, Number.NaN],
  ['infinite', 400, Number.POSITIVE_INFINITY],
  ['more than four tokens a byte', 400, 1601],
  ['more than 64 bytes a token', 6500, 100],
  ['no text', 0, 100],
])('a report that cannot be true is ignored: %s', (_, textBytes, promptTokens) => {
  const learner = taught(textBytes, promptTokens);
  expect(learner.estimate('m', path, text(4000))).toBe(1000);
});

test('a prompt with attachments teaches nothing', () => {
  const learner = new BytesPerToken();
  learner.learn('m', path, { textBytes: 400, attachments: 1 }, 900);
  expect(learner.estimate('m', path, text(4000))).toBe(1000);
});

test('of many models the 256 that learned last are remembered', () => {
  const learner = new BytesPerToken();
  const teach = (model: string) => learner.learn(model, path, text(1000), 1000);
  const isKnown = (model: string) => learner.estimate(model, path, text(4000)) > 1000;
  for (let i = 0; i < 256; i += 1) teach(`m${i}`);
  expect(isKnown('m0')).toBe(true);
  teach('m0');
  teach('one more');
  expect(['m0', 'm1', 'm2', 'one more'].map(isKnown)).toEqual([true, false, true, true]);
});

test('whatever is reported, the estimate is a whole number within the bounds, and asking changes nothing', () => {
  const report = fc.record({ textBytes: fc.nat(40_000_000), promptTokens: fc.oneof(fc.nat(1_000_000), fc.double()) });
  fc.assert(
    fc.property(fc.array(report), (reports) => {
      const learner = new BytesPerToken();
      for (const { textBytes, promptTokens } of reports) learner.learn('m', path, text(textBytes), promptTokens);
      const estimate = learner.estimate('m', path, text(64_000));
      expect(Number.isSafeInteger(estimate)).toBe(true);
      expect(estimate).toBeGreaterThanOrEqual(1000);
      expect(estimate).toBeLessThanOrEqual(256_000);
      expect(learner.estimate('m', path, text(64_000))).toBe(estimate);
    }),
  );
});

/** The share by which an estimate misses what was counted. */
function errorOf(estimate: number, counted: number): number {
  return Math.abs(estimate / counted - 1);
}

/** The shares by which the estimates for the prompts miss what the simulated server counts, while it reports each of them. */
function errorsOf(prompts: readonly string[], learner: BytesPerToken): { each: number[]; total: number } {
  const each: number[] = [];
  let [estimated, counted] = [0, 0];
  for (const content of prompts) {
    const chat = { model: 'm', max_tokens: 256, messages: [{ role: 'user', content }] };
    const body = readRequestBody(Buffer.from(JSON.stringify(chat)), apiRoutes.chatCompletions);
    if ('fault' in body) throw new Error(body.fault);
    const promptTokens = tokenEnds(readChat(chat).prompt).length;
    const estimate = learner.estimate('m', path, body.promptSize);
    each.push(errorOf(estimate, promptTokens));
    estimated += estimate;
    counted += promptTokens;
    learner.learn('m', path, body.promptSize, promptTokens);
  }
  return { each: each.sort((a, b) => a - b), total: errorOf(estimated, counted) };
}

describe('within 15 % after 50 answers', () => {
  const questions = recordedQuestions();
  test.each([
    ['Chinese', chinesePrompts(150, seededRandom(1))],
    ['code', codePrompts(150, seededRandom(2))],
  ])('%s', (_, prompts) => expectNear(prompts));

  test.skipIf(questions === undefined)('recorded questions in English (../shared/prompts)', () => {
    expectNear(questions?.slice(0, 150) ?? []);
  });

  test('Chinese, then code', () => {
    const learner = new BytesPerToken();
    errorsOf(chinesePrompts(100, seededRandom(3)), learner);
    errorsOf(codePrompts(50, seededRandom(4)), learner);
    expect(errorsOf(codePrompts(100, seededRandom(5)), learner).total).toBeLessThan(0.15);
  });

  /** Three of four prompts by themselves, and all of them together: that is the load. */
  function expectNear(prompts: readonly string[]): void {
    const learner = new BytesPerToken();
    errorsOf(prompts.slice(0, 50), learner);
    const { each, total } = errorsOf(prompts.slice(50), learner);
    expect(each[Math.floor(each.length * 0.75)]).toBeLessThan(0.15);
    expect(total).toBeLessThan(0.1);
  }
});
