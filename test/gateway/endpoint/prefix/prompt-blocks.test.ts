import fc from 'fast-check';
import { expect, test } from 'vitest';
import { promptBlocks } from '../../../../gateway/endpoint/prefix/prompt-blocks.ts';

const body = (content: string, around: object = {}) =>
  Buffer.from(JSON.stringify({ ...around, messages: [{ role: 'user', content }] }));
const blocksOf = (bytes: Buffer, model: string, cacheSalt = '') =>
  promptBlocks(bytes, { model, cacheSalt, promptKeys: ['messages'] });
const text = 'The quick brown fox jumps over the lazy dog. '.repeat(60);

/** Leading blocks that two prompts share. */
function shared(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  while (2 * count < Math.min(a.length, b.length)) {
    if (a[2 * count] !== b[2 * count] || a[2 * count + 1] !== b[2 * count + 1]) break;
    count += 1;
  }
  return count;
}

test('a block of 256 bytes each, none for a short prompt', () => {
  expect(blocksOf(body('Hello'), 'm')).toHaveLength(0);
  expect(blocksOf(body('x'.repeat(256)), 'm')).toHaveLength(2);
  expect(blocksOf(body('x'.repeat(2560)), 'm')).toHaveLength(20);
});

test('what stands before the prompt does not count, the model does', () => {
  const plain = blocksOf(body(text), 'm');
  expect(blocksOf(body(text, { temperature: 0.5, stream: true }), 'm')).toEqual(plain);
  expect(shared(blocksOf(body(text), 'other'), plain)).toBe(0);
});

test('a cache salt keeps its prompts apart from all others, as it does in the engine', () => {
  const plain = blocksOf(body(text), 'm');
  const salted = blocksOf(body(text), 'm', 'one');
  expect(blocksOf(body(text), 'm', 'one')).toEqual(salted);
  for (const other of [plain, blocksOf(body(text), 'm', 'two')]) expect(shared(other, salted)).toBe(0);
});

test('prompts share their blocks up to the one in which they differ, and none behind it', () => {
  fc.assert(
    fc.property(fc.nat(text.length - 1), (at) => {
      const changed = `${text.slice(0, at)}#${text.slice(at + 1)}`;
      const differsAt = body(changed).indexOf('#') - body(changed).indexOf('"messages"');
      const [before, after] = [blocksOf(body(text), 'm'), blocksOf(body(changed), 'm')];
      expect(shared(before, after)).toBe(Math.min(before.length / 2, Math.floor(differsAt / 256)));
    }),
  );
});

test('a prompt without end is hashed to a bound', () => {
  expect(blocksOf(body('x'.repeat(3_000_000)), 'm').length / 2).toBe(4096);
});

test('a body without a known key is hashed as a whole', () => {
  expect(blocksOf(Buffer.from('y'.repeat(600)), 'm')).toHaveLength(4);
});
