import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mostTokens, type Usage, UsageReader } from '../../../shared/openai/usage.ts';

/** The usage that is read from these pieces. */
function usageIn(...pieces: readonly string[]): Usage | undefined {
  const reader = new UsageReader();
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return reader.usage;
}

const piecesOf = (text: string, length: number): string[] =>
  Array.from({ length: Math.ceil(text.length / length) }, (_, at) => text.slice(at * length, (at + 1) * length));

test.each([
  ['chat', '…,"usage":{"prompt_tokens":12,"total_tokens":46,"completion_tokens":34}}', [12, 34, undefined]],
  ['embeddings', '"usage": {"prompt_tokens": 5, "total_tokens": 5}}', [5, undefined, undefined]],
  ['responses', '"usage":{"input_tokens":3,"output_tokens":4}}', [3, 4, undefined]],
  [
    'responses, cached',
    '"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":2},"output_tokens":4}}',
    [3, 4, 2],
  ],
  [
    'cached',
    '"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":8}}}',
    [9, 1, 8],
  ],
  [
    'nothing cached, and said so',
    '"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":0}}}',
    [9, 1, 0],
  ],
  [
    'details that are null, as vLLM writes them by default',
    '"usage":{"prompt_tokens":9,"total_tokens":10,"completion_tokens":1,"prompt_tokens_details":null}}',
    [9, 1, undefined],
  ],
  [
    'cached tokens that are null',
    '"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":null}}}',
    [9, 1, undefined],
  ],
  [
    'the last of a stream',
    'data: {"usage":{"prompt_tokens":1}}\n\ndata: {"usage":{"prompt_tokens":2}}\n\ndata: [DONE]\n\n',
    [2, undefined, undefined],
  ],
  [
    'null in each event but the last',
    'data: {"usage":null}\n\ndata: {"usage":null}\n\ndata: {"usage":{"prompt_tokens":2}}\n\n',
    [2, undefined, undefined],
  ],
  [
    'not what a model writes of it',
    '{"content":"\\"usage\\":{\\"prompt_tokens\\":7}","usage":{"prompt_tokens":2}}',
    [2, undefined, undefined],
  ],
  ['braces in a string', '"usage":{"note":"}{\\"}","prompt_tokens":3}', [3, undefined, undefined]],
  [
    'the most that is believed',
    '"usage":{"prompt_tokens":1000000000,"completion_tokens":1000000001}',
    [1e9, undefined, undefined],
  ],
  ['400 digits', `"usage":{"prompt_tokens":${'9'.repeat(400)},"completion_tokens":3}`, [undefined, 3, undefined]],
  ['an exponent', '"usage":{"prompt_tokens":1e400,"completion_tokens":3}', [undefined, 3, undefined]],
  ['a fraction', '"usage":{"prompt_tokens":1.5,"completion_tokens":3}', [undefined, 3, undefined]],
  ['less than nothing', '"usage":{"prompt_tokens":7,"completion_tokens":-1}', [7, undefined, undefined]],
])('usage: %s', (_, text, [promptTokens, completionTokens, cachedTokens]) => {
  const expected = { promptTokens, completionTokens, cachedTokens };
  expect(usageIn(text)).toEqual(expected);
  for (const length of [1, 2, 3, 7, 8, 9]) expect(usageIn(...piecesOf(text, length)), `by ${length}`).toEqual(expected);
  expect(usageIn(text, 'x'.repeat(10_000), 'y'.repeat(100))).toEqual(expected);
});

test.each([
  '',
  '{"choices":[]}',
  '"usage":null}',
  '"usage":{"prompt_tokens":null,"completion_tokens":-3}}',
  '"usage":{"prompt_tokens":1',
  '"usage":{"prompt_tokens":x}',
  `"usage":{"note":"${'x'.repeat(5000)}","prompt_tokens":1}`,
])('usage: none in %.60j', (text) => {
  expect(usageIn(text)).toBeUndefined();
  expect(usageIn(...piecesOf(text, 9))).toBeUndefined();
});

test('an object that is too long, or none, leaves what was read before', () => {
  const good = '"usage":{"prompt_tokens":4}';
  for (const bad of ['"usage":null', '"usage":"x"', `"usage":{"a":"${'x'.repeat(5000)}"}`]) {
    expect(usageIn(good, ' ', bad)?.promptTokens).toBe(4);
  }
});

const anyNumber = fc.oneof(
  fc.double().map(String),
  fc.bigInt().map(String),
  fc.integer({ min: 1, max: 500 }).map((digits) => '9'.repeat(digits)),
  fc.constantFrom('null', '-0', '""', '[]', '12', '1e5'),
);
const field = fc.tuple(
  fc.constantFrom('prompt_tokens', 'input_tokens', 'completion_tokens', 'output_tokens', 'cached_tokens'),
  anyNumber,
);

test('whatever an answer says, in whatever pieces, a token count is a whole number within the bound or undefined', () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (fields, length) => {
      const text = `{"usage":{${fields.map(([name, value]) => `"${name}":${value}`).join(',')}}} and more`;
      const usage = usageIn(...piecesOf(text, length));
      expect(usage).toEqual(usageIn(text));
      for (const tokens of Object.values(usage ?? {})) {
        if (tokens === undefined) continue;
        expect(Number.isInteger(tokens)).toBe(true);
        expect(tokens).toBeGreaterThanOrEqual(0);
        expect(tokens).toBeLessThanOrEqual(mostTokens);
      }
    }),
  );
});
