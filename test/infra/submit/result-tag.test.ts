import { expect, test } from 'vitest';
import { readTag, tagAttribute, writeTag } from '../../../infra/cli/submit/result-tag.ts';

test('what was written is read', () => {
  const tag = { submission: 'b7', key: 'ab-1' };
  expect(readTag({ id: 'x', [tagAttribute]: writeTag(tag) })).toEqual(tag);
});

test.each([[{}], [{ [tagAttribute]: 'x' }], [{ [tagAttribute]: 'a/b/c' }]])('%j is no tag of ours', (attributes) => {
  expect(readTag(attributes)).toBeUndefined();
});
