import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonWeight } from '../../../gateway/admit/json-weight.ts';

const mebibyte = 1024 * 1024;
/** As it comes in pieces of a connection, or of the size that is given. */
function isHeavyJson(bytes: Buffer, pieceBytes = 65_536): boolean {
  const weight = new JsonWeight();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    if (!weight.add(bytes.subarray(at, at + pieceBytes))) return true;
  }
  return false;
}
const message = (content: string) => JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] });

test.each<[string, string, boolean]>([
  ['10 MB of [', '['.repeat(10_000_000), true],
  ['nested objects', '{"a":'.repeat(200_000), true],
  ['empty objects without end', `[${'{},'.repeat(200_000)}{}]`, true],
  ['keys without end', `{${'"k":1,'.repeat(160_000)}"model":"m"}`, true],
  ['short texts without end', `["${'a","'.repeat(3_100_000)}"]`, true],
  ['[ without end, and few of them before 64 KiB', `${' '.repeat(65_000)}${'['.repeat(200_000)}`, true],
  ['texts that all differ', `[${Array.from({ length: 210_000 }, (_, index) => `"${index}"`).join()}]`, true],
  ['100,000 texts', `[${Array.from({ length: 100_000 }, (_, index) => `"${index}"`).join()}]`, false],
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
  expect(isHeavyJson(Buffer.from(text))).toBe(heavy);
});

test('a text in quotes weighs nothing, whatever it holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
      const quoted = JSON.stringify(text).slice(1, -1);
      expect(isHeavyJson(Buffer.from(`"${quoted.repeat(Math.ceil(300_000 / quoted.length))}"`))).toBe(false);
    }),
  );
});

test('it does not matter into which pieces a body falls', () => {
  const body = fc.string({ unit: fc.constantFrom('"', '\\', ',', '[', 'x'.repeat(40)), minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(body, fc.integer({ min: 1, max: 200 }), (text, pieceBytes) => {
      const bytes = Buffer.from(text.repeat(Math.ceil(400_000 / text.length)));
      expect(isHeavyJson(bytes, pieceBytes)).toBe(isHeavyJson(bytes, bytes.length));
    }),
    { numRuns: 30 },
  );
});
