import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mostTokens, readUsage, type Usage } from '../../../shared/openai/usage.ts';

test.each([
  ['chat', '…,"usage":{"prompt_tokens":12,"total_tokens":46,"completion_tokens":34}}', [12, 34, undefined]],
  ['embeddings', '"usage": {"prompt_tokens": 5, "total_tokens": 5}}', [5, undefined, undefined]],
  ['responses', '"usage":{"input_tokens":3,"output_tokens":4}}', [3, 4, undefined]],
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
    'the most that is believed',
    '"usage":{"prompt_tokens":1000000000,"completion_tokens":1000000001}',
    [1e9, undefined, undefined],
  ],
  ['400 digits', `"usage":{"prompt_tokens":${'9'.repeat(400)},"completion_tokens":3}`, [undefined, 3, undefined]],
  ['an exponent', '"usage":{"prompt_tokens":1e400,"completion_tokens":3}', [undefined, 3, undefined]],
  ['a fraction', '"usage":{"prompt_tokens":1.5,"completion_tokens":3}', [undefined, 3, undefined]],
  ['less than nothing', '"usage":{"prompt_tokens":7,"completion_tokens":-1}', [7, undefined, undefined]],
])('usage: %s', (_, tail, [promptTokens, completionTokens, cachedTokens]) => {
  expect(readUsage(tail)).toEqual({ promptTokens, completionTokens, cachedTokens });
});

test.each(['', '{"choices":[]}', '"usage":null}', '"usage":{"prompt_tokens":null,"completion_tokens":-3}'])(
  'usage: none in %j',
  (tail) => {
    expect(readUsage(tail)).toBeUndefined();
  },
);

const anyNumber = fc.oneof(
  fc.double().map(String),
  fc.bigInt().map(String),
  fc.integer({ min: 1, max: 500 }).map((digits) => '9'.repeat(digits)),
  fc.constantFrom('null', '-0', '""', '[]', '00012', '1e5'),
);
const field = fc.tuple(
  fc.constantFrom('prompt_tokens', 'input_tokens', 'completion_tokens', 'output_tokens', 'cached_tokens'),
  anyNumber,
);

test('whatever an answer says, a token count is a whole number within the bound or undefined', () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 8 }), (fields) => {
      const usage = readUsage(`{"usage":{${fields.map(([name, value]) => `"${name}":${value}`).join(',')}}}`);
      const counts: (keyof Usage)[] = ['promptTokens', 'completionTokens', 'cachedTokens'];
      for (const name of counts) {
        const tokens = usage?.[name];
        if (tokens === undefined) continue;
        expect(Number.isInteger(tokens), name).toBe(true);
        expect(tokens).toBeGreaterThanOrEqual(0);
        expect(tokens).toBeLessThanOrEqual(mostTokens);
      }
    }),
  );
});
