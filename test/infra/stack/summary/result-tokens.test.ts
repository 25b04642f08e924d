import { expect, test } from 'vitest';
import { resultTokens } from '../../../../infra/local/stack/summary/result-tokens.ts';

test.each([
  ['an envelope result', { usage: { prompt_tokens: 12, completion_tokens: 34 } }, 46],
  ['a batch output line', { response: { body: { usage: { prompt_tokens: 5, completion_tokens: 6 } } } }, 11],
  ['embeddings', { usage: { prompt_tokens: 12 } }, 12],
  ['a batch line without an answer', { response: null, error: { code: 'X' } }, 0],
  ['an error', { error_code: 'INVALID_REQUEST' }, 0],
])('%s', (_name, result, expected) => {
  expect(resultTokens(JSON.stringify(result))).toBe(expected);
});

test('what is no JSON has no tokens', () => {
  expect(resultTokens('')).toBe(0);
});
