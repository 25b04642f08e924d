import { expect, test } from 'vitest';
import { missed, usualSlo } from '../../gateway/slo.ts';

test.each([
  ['both in time', 1000, 50, false],
  ['a late first token', 1001, 10, true],
  ['slow ones after it', 10, 51, true],
  ['nothing seen', undefined, undefined, false],
  ['only the first seen', 1001, undefined, true],
])('%s', (_, ttftMs, tpotMs, expected) => {
  expect(missed({ ttftMs, tpotMs }, usualSlo)).toBe(expected);
});
