import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeavyJson } from '../../../gateway/admit/json-weight.ts';
import { readRequestBody } from '../../../gateway/admit/request-body.ts';
import { apiRoutes } from '../../../shared/openai/api-routes.ts';

const mebibyte = 1024 * 1024;
const message = (content: string) => JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] });

test.each<[string, string, boolean]>([
  ['10 MB of [', '['.repeat(10_000_000), true],
  ['nested objects', '{"a":'.repeat(200_000), true],
  ['empty objects without end', `[${'{},'.repeat(200_000)}{}]`, true],
  ['keys without end', `{${'"k":1,'.repeat(160_000)}"model":"m"}`, true],
  ['short texts without end', `["${'a","'.repeat(3_100_000)}"]`, true],
  ['[ without end, and few of them before 64 KiB', `${' '.repeat(65_000)}${'['.repeat(200_000)}`, true],
  ['a small body of [', '['.repeat(60_000), false],
  ['a prompt of 16 MiB', message('x'.repeat(16 * mebibyte)), false],
  ['a prompt that looks like structure', message('[{:,'.repeat(mebibyte)), false],
  ['a prompt of escaped quotes before brackets', message('\\"[{'.repeat(mebibyte)), false],
  ['a million token ids', `{"model":"m","prompt":[${'17,'.repeat(1_000_000)}17]}`, false],
  [
    '20,000 messages',
    JSON.stringify({ model: 'm', messages: Array(20_000).fill({ role: 'user', content: 'hello' }) }),
    false,
  ],
])('%s', (_, text, heavy) => {
  const body = Buffer.from(text);
  expect(isHeavyJson(body)).toBe(heavy);
  if (heavy)
    expect(readRequestBody(body, apiRoutes.completions)).toEqual({ fault: expect.stringContaining('too many') });
});

test('a text in quotes weighs nothing, whatever it holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
      const quoted = JSON.stringify(text).slice(1, -1);
      expect(isHeavyJson(Buffer.from(`"${quoted.repeat(Math.ceil(300_000 / quoted.length))}"`))).toBe(false);
    }),
  );
});
