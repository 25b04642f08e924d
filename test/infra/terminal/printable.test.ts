import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from '../../../infra/cli/terminal/printable.ts';

test.each([
  ['text', 'text'],
  ['two\nlines\r\n', 'two lines'],
  ['\u001b[2Jclear\u0007', '[2Jclear'],
  ['a\u202eb\u2028c', 'a b c'],
  ['Ähre 質問', 'Ähre 質問'],
])('%j shows as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('what is too long is cut', () => {
  expect(printable('x'.repeat(11), 10)).toBe(`${'x'.repeat(9)}…`);
  expect(printable('x'.repeat(10), 10)).toBe('x'.repeat(10));
});

test('never holds a control character, and never more than was asked for', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\u001b', '\u009b', '\u202e', '\u2028', '😀') }),
      (text) => {
        const shown = printable(text, 20);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
        expect(shown.length).toBeLessThanOrEqual(20);
      },
    ),
  );
});
