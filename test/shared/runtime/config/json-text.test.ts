import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { readJson } from '../../../../shared/runtime/config/json-text.ts';

const schema = z.record(z.string(), z.array(z.int('whole numbers'), 'a list'), 'must be a JSON object');

test.each([
  ['{"a":[1]}', { value: { a: [1] } }],
  ['', { fault: 'is not JSON, must be a JSON object' }],
  ['null', { fault: 'must be a JSON object' }],
  ['{"a":1,"b":[1]}', { fault: 'must give "a" a list' }],
  ['{"a":["x","y"],"b":1}', { fault: 'must give "a" whole numbers, must give "b" a list' }],
])('%j', (text, expected) => {
  expect(readJson(text, schema)).toEqual(expected);
});

test('of many faults the first are told, and the others counted', () => {
  const text = JSON.stringify(Object.fromEntries(Array.from('abcdefgh', (name) => [name, 1])));
  expect(readJson(text, schema)).toEqual({
    fault: `${Array.from('abcde', (name) => `must give "${name}" a list`).join(', ')}, and 3 more`,
  });
});
