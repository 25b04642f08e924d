import { expect, test } from 'vitest';
import { naturalLength, planAnswer } from '../../../../infra/local/model-server/api/answer.ts';
import { readChat } from '../../../../infra/local/model-server/api/generation.ts';
import { hashText } from '../../../../infra/local/model-server/api/tokenizer.ts';

const contextTokens = 2000;
const user = (content: string) => ({ role: 'user', content });
const plan = (body: Record<string, unknown>) =>
  planAnswer(readChat({ messages: [user('Which colour has the sky?')], ...body }), contextTokens);

test('the answer begins with a fingerprint and the words of the question, and is the same every time', () => {
  const text = plan({ max_tokens: 9 }).tokens.join('');
  expect(text).toMatch(/^[0-9a-f]{6} Which colour has the sky/);
  expect(plan({ max_tokens: 9 }).tokens.join('')).toBe(text);
});

test('two requests differ from the first token on', () => {
  const [one, two] = ['tenant a', 'tenant b'].map((name) => plan({ messages: [user(name)], max_tokens: 1 }));
  expect(one?.tokens).not.toEqual(two?.tokens);
});

const natural = plan({}).tokens.length;

test.each([
  ['nothing cuts it', {}, natural, 'stop'],
  ['max_tokens cuts it', { max_tokens: 5 }, 5, 'length'],
  ['max_completion_tokens goes before max_tokens', { max_completion_tokens: 6, max_tokens: 5 }, 6, 'length'],
  ['max_tokens as long as the answer', { max_tokens: natural }, natural, 'stop'],
  ['ignore_eos goes on to max_tokens', { max_tokens: 1500, ignore_eos: true }, 1500, 'length'],
  ['min_tokens lengthens it', { min_tokens: 1200 }, 1200, 'stop'],
  ['max_tokens goes before min_tokens', { min_tokens: 1200, max_tokens: 7 }, 7, 'length'],
  [
    'the context cuts what max_tokens leaves',
    { max_tokens: contextTokens, ignore_eos: true },
    contextTokens - plan({}).promptTokens,
    'length',
  ],
  ['ignore_eos alone fills the context', { ignore_eos: true }, contextTokens - plan({}).promptTokens, 'length'],
])('length: %s', (_, body, tokens, finishReason) => {
  expect(plan(body)).toMatchObject({ tokens: { length: tokens }, finishReason });
});

test.each([
  ['a prompt that fills the context', { messages: [user(' x'.repeat(contextTokens))] }],
  ['max_tokens beyond the context', { max_tokens: contextTokens + 1 }],
])('refused with 400: %s', (_, body) => {
  expect(() => plan(body)).toThrow(
    expect.objectContaining({ status: 400, message: expect.stringMatching(/2000 tokens|max_model_len=2000/) }),
  );
});

test('the next turn of a conversation shares the blocks of prompt and answer', () => {
  const first = [user('Tell me about bicycles and extraordinary emoji 😀 please'.repeat(3))];
  const answer = plan({ messages: first, max_tokens: 90 });
  const next = plan({
    messages: [...first, { role: 'assistant', content: answer.tokens.join('') }, user('And trains?')],
    max_tokens: 1,
  });
  expect(answer.blockHashes).toHaveLength((answer.promptTokens + 90) >> 4);
  expect(next.blockHashes.slice(0, answer.blockHashes.length)).toEqual(answer.blockHashes);
});

test('natural lengths are spread like those of conversations', () => {
  const lengths = Array.from({ length: 5000 }, (_, index) => naturalLength(hashText(`${index}`))).sort((a, b) => a - b);
  expect(lengths[2500]).toBeGreaterThan(115);
  expect(lengths[2500]).toBeLessThan(145);
  const mean = lengths.reduce((sum, each) => sum + each, 0) / lengths.length;
  expect(mean).toBeGreaterThan(180);
  expect(mean).toBeLessThan(225);
  expect([lengths[0]! >= 1, lengths.at(-1)]).toEqual([true, 1000]);
});
