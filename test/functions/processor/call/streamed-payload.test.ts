import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { streamedPayload } from '../../../../functions/processor/call/streamed-payload.ts';

const chat = '/v1/chat/completions';
const completions = '/v1/completions';
const messages = [{ role: 'user', content: 'hi' }];
const asked = { stream: true, stream_options: { include_usage: true } };

const streamed = (path: string, text: string): unknown => {
  const payload = streamedPayload(path, Buffer.from(text));
  return payload && JSON.parse(Buffer.from(payload).toString());
};

describe('goes out as a stream', () => {
  const rows: [string, string, object][] = [
    ['a chat', chat, { model: 'm', messages, temperature: 0.5, max_tokens: 3 }],
    ['a chat that says it wants none', chat, { stream: false, model: 'm', messages }],
    [
      'one answer, and nothing else asked for',
      chat,
      { messages, n: 1, logprobs: false, tools: null, tool_choice: 'none' },
    ],
    ['a completion of one text', completions, { prompt: 'a', echo: false, logprobs: null }],
  ];
  test.each(rows)('%s', (_, path, body) => {
    expect(streamed(path, JSON.stringify(body))).toEqual({ ...body, ...asked });
  });
  test('as it was written, and what is added last', () => {
    const payload = streamedPayload(chat, Buffer.from('{ "seed": 12345678901234567890,\n"messages":[{}] }\n'));
    expect(Buffer.from(payload!).toString()).toBe(
      '{ "seed": 12345678901234567890,\n"messages":[{}] ,"stream":true,"stream_options":{"include_usage":true}}',
    );
  });
});

describe('goes out whole', () => {
  const rows: [string, string, object][] = [
    ['several answers', chat, { messages, n: 2 }],
    ['log probabilities', chat, { messages, logprobs: true, top_logprobs: 2 }],
    ['those of a completion', completions, { prompt: 'a', logprobs: 5 }],
    ['those of the prompt', chat, { messages, prompt_logprobs: 3 }],
    ['tools', chat, { messages, tools: [{ type: 'function' }] }],
    ['no tools', chat, { messages, tools: [] }],
    ['a choice of tools', chat, { messages, tool_choice: 'auto' }],
    ['functions', chat, { messages, functions: [{}] }],
    ['an echo', completions, { prompt: 'a', echo: true }],
    ['the best of several', completions, { prompt: 'a', best_of: 3 }],
    ['beams', completions, { prompt: 'a', use_beam_search: true }],
    ['many prompts', completions, { prompt: ['a', 'b'] }],
    ['a prompt of tokens', completions, { prompt: [1, 2] }],
    ['spoken answers', chat, { messages, modalities: ['text', 'audio'] }],
    ['tokens by number', chat, { messages, return_token_ids: true }],
    ['options of a stream', chat, { messages, stream_options: {} }],
    ['a body without messages', chat, { prompt: 'a' }],
    ['a body without a prompt', completions, { messages }],
    ['an embedding', '/v1/embeddings', { input: 'a', messages }],
    ['a response', '/v1/responses', { input: 'a', messages, prompt: 'a' }],
  ];
  test.each(rows)('%s', (_, path, body) => {
    expect(streamedPayload(path, Buffer.from(JSON.stringify(body)))).toBeUndefined();
  });
  test.each(['', '[]', '{"messages":[]', 'null'])('what is no object: %j', (text) => {
    expect(streamedPayload(chat, Buffer.from(text))).toBeUndefined();
  });
  test('the last of a key that is there twice counts', () => {
    expect(streamed(chat, '{"messages":[],"n":1,"n":2}')).toBeUndefined();
    expect(streamed(chat, '{"messages":[],"n":2,"n":1}')).toMatchObject(asked);
  });
});

test('nothing of the request is changed but the stream', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (extra) => {
      const body = { ...extra, messages };
      const sent = streamed(chat, JSON.stringify(body));
      if (sent !== undefined) expect(sent).toEqual(JSON.parse(JSON.stringify({ ...body, ...asked })));
    }),
  );
});
