import { expect, test } from 'vitest';
import {
  readChat,
  readCompletion,
  readEmbedding,
  readResponse,
} from '../../../../infra/local/model-server/api/generation.ts';
import { tokenEnds } from '../../../../infra/local/model-server/api/tokenizer.ts';

const hi = [{ role: 'user', content: 'hi' }];

test('a chat is rendered with its roles, the last message is the question', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'text', text: 'hi' }] },
  ];
  expect(readChat({ messages })).toMatchObject({
    prompt: '<|system|>\nBe brief.\n<|user|>\nhi\n<|assistant|>\n',
    question: 'hi',
    stream: false,
    maxTokens: undefined,
    priority: 0,
  });
});

test('options are read', () => {
  const body = { stream: true, stream_options: { include_usage: true }, priority: -3, min_tokens: 2, ignore_eos: true };
  expect(readChat({ ...body, messages: hi })).toMatchObject({
    stream: true,
    includeUsage: true,
    priority: -3,
    minTokens: 2,
    ignoreEos: true,
  });
});

test('null options count as absent', () => {
  const body = { messages: hi, max_tokens: null, stream: null, stream_options: null, priority: null };
  expect(readChat(body)).toMatchObject({ maxTokens: undefined, stream: false, includeUsage: false, priority: 0 });
});

test('a completion gets 16 tokens unless it asks otherwise', () => {
  expect(readCompletion({ prompt: 'Once' })).toMatchObject({ prompt: 'Once', question: 'Once', maxTokens: 16 });
});

test('a response takes a text or messages, and instructions before them', () => {
  const prompt = '<|system|>\nBe brief.\n<|user|>\nhi\n<|assistant|>\n';
  expect(readResponse({ input: 'hi', instructions: 'Be brief.' }).prompt).toBe(prompt);
  expect(readResponse({ input: hi, instructions: 'Be brief.' }).prompt).toBe(prompt);
});

test('token ids make as many tokens', () => {
  const { prompt } = readCompletion({ prompt: [1, 128_000, 77, 4_000_000_000] });
  expect(tokenEnds(prompt)).toHaveLength(4);
});

test('embeddings take a text, texts or token ids', () => {
  expect(readEmbedding({ input: 'a' }).texts).toEqual(['a']);
  expect(readEmbedding({ input: ['a', 'b'], encoding_format: 'base64' })).toMatchObject({
    texts: ['a', 'b'],
    encoding: 'base64',
  });
  expect(readEmbedding({ input: [[1], [2, 3]] }).texts).toHaveLength(2);
});

test.each<[string, () => unknown, string]>([
  ['no messages', () => readChat({}), 'messages'],
  ['empty messages', () => readChat({ messages: [] }), 'messages'],
  ['a message that is null', () => readChat({ messages: [null] }), 'messages'],
  ['a message without role', () => readChat({ messages: [{ content: 'hi' }] }), 'messages'],
  ['max_tokens 0', () => readChat({ messages: hi, max_tokens: 0 }), 'max_tokens'],
  ['max_tokens 1.5', () => readChat({ messages: hi, max_tokens: 1.5 }), 'max_tokens'],
  ['priority in words', () => readChat({ messages: hi, priority: 'high' }), 'priority'],
  ['an empty prompt', () => readCompletion({ prompt: '' }), 'prompt'],
  ['several prompts', () => readCompletion({ prompt: ['a', 'b'] }), 'prompt'],
  ['a prompt of nothing', () => readCompletion({ prompt: [] }), 'prompt'],
  ['negative token ids', () => readCompletion({ prompt: [1, -1] }), 'prompt'],
  ['no input', () => readResponse({}), 'input'],
  ['an input that is empty', () => readEmbedding({ input: ['a', ''] }), 'input'],
])('refused with 400: %s', (_, read, param) => {
  expect(read).toThrow(expect.objectContaining({ status: 400, type: 'BadRequestError', param }));
});
