import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BytesPerToken } from '../../../gateway/admit/bytes-per-token.ts';
import { readRequestBody } from '../../../gateway/admit/request-body.ts';
import { type ApiRoute, apiRoutes } from '../../../shared/openai/api-routes.ts';

const { chatCompletions, completions, embeddings, responses } = apiRoutes;
const read = (text: string | Buffer, route: ApiRoute = chatCompletions) => readRequestBody(Buffer.from(text), route);

test.each<[string, string, number | undefined, ApiRoute?]>([
  ['as chat says it now', '{"model":"m","max_completion_tokens":7}', 7],
  ['as chat said it', '{"model":"m","max_tokens":8}', 8],
  ['as completions say it', '{"model":"m","max_tokens":8}', 8, completions],
  ['as responses say it', '{"model":"m","max_output_tokens":9}', 9, responses],
  ['as another route says it is none', '{"model":"m","max_output_tokens":9}', undefined],
  ['embeddings have none', '{"model":"m","max_tokens":9}', undefined, embeddings],
  ['of two the newer', '{"model":"m","max_tokens":8,"max_completion_tokens":7}', 7],
  ['one that is no limit is passed over', '{"model":"m","max_completion_tokens":null,"max_tokens":8}', 8],
  ['zero is none', '{"model":"m","max_tokens":0}', undefined],
  ['a fraction is none', '{"model":"m","max_tokens":1.5}', undefined],
  ['a text is none', '{"model":"m","max_tokens":"9"}', undefined],
])('the longest answer: %s', (_, text, maxOutputTokens, route) => {
  expect(read(text, route)).toMatchObject({ maxOutputTokens });
});

test.each([
  ['true', true],
  ['false', false],
  ['"true"', false],
  ['1', false],
  ['null', false],
])('"stream": %s', (value, stream) => {
  expect(read(`{"model":"m","stream":${value}}`)).toMatchObject({ stream });
});

test('an answer that is never streamed is none, whatever the request says', () => {
  expect(read('{"model":"m","stream":true}', embeddings)).toMatchObject({ stream: false });
});

test('how many answers a request asks for', () => {
  expect(read('{"model":"m","prompt":["a","b"],"n":3}', completions)).toMatchObject({ answersAsked: 6 });
});

test('of a key twice the last counts, and a prototype’s is none', () => {
  expect(read('{"model":"a","model":"b"}')).toMatchObject({ model: 'b' });
  expect(read('{"__proto__":{"model":"m"}}')).toEqual({ fault: 'the body must name a model' });
});

test.each([
  ['text alone: four bytes a token', '{"model":"m","prompt":"hello"}', 8],
  ['an image: a thousand', `{"model":"m","i":"data:image/png;base64,${'A'.repeat(900_000)}"}`, 1011],
  ['two of them', `{"model":"m","i":["x;base64,${'A'.repeat(99_999)}","y;base64,${'B'.repeat(9)}"]}`, 2011],
  ['a small one', `{"model":"m","i":"data:image/png;base64,${'A'.repeat(900)}"}`, 1011],
  ['a mark in a short text is text', '{"model":"m","p":"data:x;base64,AAAA"}', 10],
  ['one that is spoken of hides no text', `{"model":"m","p":";base64, ${'word '.repeat(20_000)}"}`, 26_008],
  ['one that never ends', '{"model":"m","i":";base64,AAAA', undefined],
])('tokens of a prompt: %s', (_, text, promptTokens) => {
  const body = read(text);
  expect('fault' in body ? undefined : new BytesPerToken().estimate('m', '/', body.promptSize)).toBe(promptTokens);
});

test.each([
  ['no UTF-8', Buffer.from('{"model":"m\xff"}', 'latin1'), 'UTF-8'],
  ['a model whose name is a novel', Buffer.from(`{"model":"${'m'.repeat(257)}"}`), 'longer than 256'],
])('a fault: %s', (_, bytes, why) => {
  expect(read(bytes)).toMatchObject({ fault: expect.stringContaining(why) });
});

test('any bytes are a request or a fault', () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(bytes, (any) => {
      const body = read(Buffer.from(any));
      expect('fault' in body || body.model.length > 0).toBe(true);
    }),
  );
});
