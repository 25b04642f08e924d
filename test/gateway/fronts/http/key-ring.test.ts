import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { KeyRing } from '../../../../gateway/fronts/http/key-ring.ts';

const keyOf = (secret: string, tenant: string) => ({
  sha256: createHash('sha256').update(secret).digest('hex'),
  tenant,
  objectives: undefined,
});
const ring = new KeyRing([keyOf('one', 'a'), keyOf('two', 'b')]);

test.each([
  ['the first', 'Bearer one', 'a'],
  ['the last', 'Bearer two', 'b'],
  ['the scheme in any case, and more than one space', 'bEARER   two', 'b'],
  ['none', undefined, undefined],
  ['empty', '', undefined],
  ['a key that is not there', 'Bearer three', undefined],
  ['a key without its scheme', 'one', undefined],
  ['another scheme', 'Basic one', undefined],
  ['a scheme without a key', 'Bearer ', undefined],
  ['a key and more', 'Bearer one two', undefined],
  ['the digest in place of the key', `Bearer ${keyOf('one', '').sha256}`, undefined],
])('%s', (_, authorization, tenant) => {
  expect(ring.find(authorization)?.tenant).toBe(tenant);
  expect(ring.find(authorization)?.tenant, 'asked again').toBe(tenant);
});

test('more spellings of a key than are remembered all open it', () => {
  for (let spaces = 1; spaces <= 1100; spaces += 1) {
    expect(ring.find(`Bearer${' '.repeat(spaces)}one`)?.tenant).toBe('a');
  }
  expect(ring.find('Bearer one')?.tenant).toBe('a');
});

test('a ring without keys opens nothing', () => {
  expect(new KeyRing([]).find('Bearer one')).toBeUndefined();
});
