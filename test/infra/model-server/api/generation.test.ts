import { expect, test } from 'vitest';
import {
  readAnthropicMessages,
  readChat,
  readCompletion,
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

test('numbers and truth values may be spelt, as in vLLM', () => {
  expect(readChat({ messages: hi, stream: 1, max_tokens: '3', ignore_eos: 'true' })).toMatchObject({
    stream: true,
    maxTokens: 3,
    ignoreEos: true,
  });
});

test('an Anthropic request is rendered like a chat, its system text first', () => {
  const body = { max_tokens: 3, system: [{ type: 'text', text: 'Be brief.' }], messages: hi };
  expect(readAnthropicMessages(body)).toMatchObject({
    prompt: '<|system|>\nBe brief.\n<|user|>\nhi\n<|assistant|>\n',
    question: 'hi',
    maxTokens: 3,
  });
});

test.each<[string, () => unknown, string, string | null]>([
  ['no messages', () => readChat({}), 'Bad Request', 'body.messages'],
  ['messages that are no list', () => readChat({ messages: 'hi' }), 'Bad Request', 'body.messages'],
  ['empty messages', () => readChat({ messages: [] }), 'BadRequestError', null],
  ['a message that is null', () => readChat({ messages: [null] }), 'Bad Request', 'body.messages.0'],
  ['a message without role', () => readChat({ messages: [{ content: 'hi' }] }), 'Bad Request', 'body.messages.0.role'],
  ['max_tokens 0', () => readChat({ messages: hi, max_tokens: 0 }), 'BadRequestError', 'max_tokens'],
  ['max_tokens 1.5', () => readChat({ messages: hi, max_tokens: 1.5 }), 'Bad Request', 'body.max_tokens'],
  ['max_tokens in words', () => readChat({ messages: hi, max_tokens: 'many' }), 'Bad Request', 'body.max_tokens'],
  ['priority in words', () => readChat({ messages: hi, priority: 'high' }), 'Bad Request', 'body.priority'],
  ['stream in words', () => readChat({ messages: hi, stream: 'maybe' }), 'Bad Request', 'body.stream'],
  [
    'options of a stream that is none',
    () => readChat({ messages: hi, stream_options: { include_usage: true } }),
    'BadRequestError',
    'stream_options',
  ],
  ['an empty prompt', () => readCompletion({ prompt: '' }), 'BadRequestError', 'prompt'],
  ['several prompts', () => readCompletion({ prompt: ['a', 'b'] }), 'BadRequestError', 'prompt'],
  ['a prompt of nothing', () => readCompletion({ prompt: [] }), 'BadRequestError', null],
  ['negative token ids', () => readCompletion({ prompt: [1, -1] }), 'Bad Request', 'body.prompt.1'],
  ['no input', () => readResponse({}), 'Bad Request', 'body.input'],
  [
    'an Anthropic request without max_tokens',
    () => readAnthropicMessages({ messages: hi }),
    'Bad Request',
    'body.max_tokens',
  ],
])('refused with 400: %s', (_, read, type, param) => {
  expect(read).toThrow(expect.objectContaining({ status: 400, type, param }));
});
