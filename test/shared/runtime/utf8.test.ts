import { expect, test } from 'vitest';
import { truncateUtf8 } from '../../../shared/runtime/utf8.ts';
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
