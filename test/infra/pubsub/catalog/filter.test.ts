import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileFilter } from '../../../../infra/local/pubsub/catalog/filter.ts';

test.each([
  ['empty lets everything through', '', {}, true],
  ['blank lets everything through', '  ', {}, true],
  ['has the key', 'attributes:lang', { lang: '' }, true],
  ['has not the key', 'attributes:lang', {}, false],
  ['has not what every object has', 'attributes:toString', {}, false],
  ['equal', 'attributes.lang = "de"', { lang: 'de' }, true],
  ['equal without spaces', 'attributes.lang="de"', { lang: 'de' }, true],
  ['not equal', 'attributes.lang = "de"', { lang: 'en' }, false],
  ['differs', 'attributes.lang != "de"', { lang: 'en' }, true],
  ['absent differs from every value', 'attributes.lang != "de"', {}, true],
  ['prefix', 'hasPrefix(attributes.name, "co")', { name: 'com' }, true],
  ['no prefix', 'hasPrefix(attributes.name, "co")', { name: 'org' }, false],
  ['prefix of an absent key', 'hasPrefix(attributes.name, "")', {}, false],
  ['NOT', 'NOT attributes:lang', {}, true],
  ['minus is NOT', '-attributes:lang', { lang: 'de' }, false],
  ['NOT binds tighter than AND', 'NOT attributes:a AND attributes:b', { b: '' }, true],
  ['AND needs both', 'attributes:a AND attributes:b', { a: '' }, false],
  ['OR needs one', 'attributes:a OR attributes:b', { b: '' }, true],
  ['parentheses', 'attributes:a AND (attributes:b OR attributes:c)', { a: '', c: '' }, true],
  ['quoted key', 'attributes."x-lang" = "de"', { 'x-lang': 'de' }, true],
  ['escapes', String.raw`attributes.q = "a\"b\\c"`, { q: 'a"b\\c' }, true],
  ['a key that begins as a keyword', 'attributes:ANDROID', { ANDROID: '' }, true],
] as [string, string, Record<string, string>, boolean][])('%s', (_, filter, attributes, expected) => {
  expect(compileFilter(filter)(attributes)).toBe(expected);
});

test.each([
  ['AND mixed with OR', 'attributes:a AND attributes:b OR attributes:c'],
  ['no value', 'attributes.a ='],
  ['unquoted value', 'attributes.a = b'],
  ['open parenthesis', '(attributes:a'],
  ['surplus parenthesis', 'attributes:a)'],
  ['something else than attributes', 'data = "x"'],
  ['a lower-case operator', 'attributes:a and attributes:b'],
  ['an unfinished string', 'attributes.a = "b'],
  ['longer than 256 bytes', `attributes.a = "${'x'.repeat(256)}"`],
  ['too deep', '('.repeat(40)],
])('refuses %s', (_, filter) => {
  expect(() => compileFilter(filter)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});

test('any text is compiled or refused as an invalid argument', () => {
  const pieces = fc.constantFrom(
    'attributes',
    ':',
    '.',
    '=',
    '!=',
    '"v"',
    'k',
    'AND',
    'OR',
    'NOT',
    '-',
    '(',
    ')',
    'hasPrefix',
    ',',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      try {
        expect(typeof compileFilter(parts.join(' '))({ k: 'v' })).toBe('boolean');
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
    }),
  );
});
