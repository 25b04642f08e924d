import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashBlocks, hashText, tokenEnds, tokensOf } from '../../../../infra/local/model-server/api/tokenizer.ts';

test.each([
  ['', []],
  ['word', ['word']],
  ['two words', ['two', ' words']],
  ['extraordinary', ['extrao', 'rdinar', 'y']],
  ['a, b', ['a', ',', ' b']],
  ['a  b', ['a', ' ', ' b']],
  ['trailing ', ['traili', 'ng', ' ']],
  ['{"a":1}', ['{', '"', 'a', '"', ':', '1', '}']],
  ['日本語', ['日本語']],
  ['12345😀', ['12345😀']],
])('tokens of %j', (text, tokens) => {
  expect(tokensOf(text)).toEqual(tokens);
});

test('tokens joined are the text, and none is empty', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const tokens = tokensOf(text);
      expect(tokens.join('')).toBe(text);
      expect(tokens).not.toContain('');
    }),
  );
});

test('English takes about four bytes a token', () => {
  const text = 'Sort each of these products into the category that a careful shop assistant would choose. '.repeat(20);
  expect(text.length / tokenEnds(text).length).toBeGreaterThan(3.5);
  expect(text.length / tokenEnds(text).length).toBeLessThan(5.5);
});

test('block hashes are equal exactly as far as the texts are', () => {
  const blocks = (text: string) => hashBlocks(text, tokenEnds(text));
  const common = ' word'.repeat(40);
  const [one, two] = [blocks(`${common} one${' x'.repeat(20)}`), blocks(`${common} two${' x'.repeat(20)}`)];
  expect(one).toHaveLength(3);
  expect(one.slice(0, 2)).toEqual(two.slice(0, 2));
  expect(one[2]).not.toBe(two[2]);
  expect(blocks(` other${common}`)[1]).not.toBe(one[1]);
  expect(new Set(one).size).toBe(3);
});

test('hashes are whole, not negative, and differ between short texts', () => {
  const hashes = Array.from({ length: 20_000 }, (_, index) => hashText(`request ${index}`));
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(hashes.every((hash) => Number.isSafeInteger(hash) && hash >= 0)).toBe(true);
});
