import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUtf8, isUtf8, truncateUtf8 } from '../../../shared/runtime/utf8.ts';
import { retainedBytes } from '../../support/retained-memory.ts';

test.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc'],
  ['aüü', 3, 'aü'],
  ['aüü', 4, 'aü'],
  ['€', 2, ''],
  ['\u{feff}abc', 4, '\u{feff}a'],
])('%j cut to %i bytes', (text, maxBytes, expected) => {
  expect(truncateUtf8(text, maxBytes)).toBe(expected);
});

test('a text that was cut does not keep the whole of it in memory', () => {
  const before = retainedBytes();
  const cut = Array.from({ length: 20 }, (_, index) =>
    truncateUtf8(JSON.parse(`"${index}${'x'.repeat(4_000_000)}"`), 1024),
  );
  expect(retainedBytes() - before).toBeLessThan(10_000_000);
  expect(cut[3]).toHaveLength(1024);
});

test.each([
  ['nothing', []],
  ['a byte order mark', [0xef, 0xbb, 0xbf]],
  ['the last code point', [0xf4, 0x8f, 0xbf, 0xbf]],
  ['one beyond it', [0xf4, 0x90, 0x80, 0x80]],
  ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
  ['a longer form than is due', [0xc0, 0x80]],
  ['a character that is cut', [0xe2, 0x82]],
])('%s is UTF-8 or not, for both ways to ask', (_, bytes) => {
  expect(isUtf8(Uint8Array.from(bytes))).toBe(decodeUtf8(Uint8Array.from(bytes)) !== undefined);
});

test('any bytes, of texts and others, are UTF-8 or not, for both ways to ask', () => {
  const texts = fc.string({ unit: 'binary' }).map((text) => new TextEncoder().encode(text));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), texts), (bytes) => {
      expect(isUtf8(bytes)).toBe(decodeUtf8(bytes) !== undefined);
    }),
  );
});
