import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countEntries, hasMoreEntries } from '../../../shared/runtime/json-entries.ts';

const count = (text: string, most = 1000): number => countEntries(Buffer.from(text), most);

test.each([
  ['7', 0],
  ['{}', 0],
  ['[ \n]', 0],
  ['[[]]', 1],
  ['[1,2,3]', 3],
  ['{"a":[{},{"b":1}]}', 4],
  ['"[1,2,{"', 0],
  ['["\\",[1,2"]', 1],
  ['["a', 1],
])('%s', (text, entries) => {
  expect(count(text)).toBe(entries);
});

test('a text that is too short for too many entries has no more', () => {
  const numbers = (count: number) => Buffer.from(`[${Array(count).fill(7).join()}]`);
  expect(hasMoreEntries(numbers(100), 100)).toBe(false);
  expect(hasMoreEntries(numbers(101), 100)).toBe(true);
  expect(hasMoreEntries(Buffer.from(`"${'['.repeat(500)}"`), 100)).toBe(false);
});

test('counting ends where there are too many', () => {
  expect(count(`[${'1,'.repeat(100)}1]`, 100)).toBe(101);
  expect(count(`[${'1,'.repeat(100)}1]`, 50)).toBe(51);
});

test('counts what parsing builds, whatever the texts hold and however it is written', () => {
  const entriesOf = (value: unknown): number =>
    typeof value !== 'object' || value === null
      ? 0
      : Object.values(value).reduce((sum: number, item) => sum + 1 + entriesOf(item), 0);
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 4, noUnicodeString: false }),
      fc.integer({ min: 0, max: 4 }),
      (value, indent) => {
        expect(count(JSON.stringify(value, null, indent), 100_000)).toBe(entriesOf(JSON.parse(JSON.stringify(value))));
      },
    ),
  );
});
