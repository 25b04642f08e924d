import { expect, test } from 'vitest';
import { keepableSlo, missed, usualSlo } from '../../gateway/slo.ts';

test.each([
  ['both in time', 1000, 50, false],
  ['a late first token', 1001, 10, true],
  ['slow ones after it', 10, 51, true],
  ['nothing seen', undefined, undefined, false],
  ['only the first seen', 1001, undefined, true],
])('%s', (_, ttftMs, tpotMs, expected) => {
  expect(missed({ ttftMs, tpotMs }, usualSlo)).toBe(expected);
});

test.each([
  ['an endpoint that keeps both', { ttftMs: 200, tpotMs: 20 }, [1000, 50]],
  ['just', { ttftMs: 1000, tpotMs: 50 }, [1000, 50]],
  ['one that is too slow for tokens when it is idle', { ttftMs: 200, tpotMs: 60 }, [1000, 90]],
  ['one that is too slow for the first', { ttftMs: 4000, tpotMs: 20 }, [6000, 50]],
])('a target counts as far as an idle endpoint can keep it: %s', (_, alone, [ttftMs, tpotMs]) => {
  expect(keepableSlo(usualSlo, alone)).toEqual({ ...usualSlo, ttftMs, tpotMs });
});
