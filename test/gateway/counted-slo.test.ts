import { expect, test } from 'vitest';
import { countedSlo, usualSlo } from '../../gateway/slo.ts';

test.each([
  ['what an idle endpoint keeps counts as promised', { ttftMs: 1000, tpotMs: 50 }, [1000, 50]],
  ['a time per token that it cannot keep is 1.5 times its own', { ttftMs: 100, tpotMs: 65 }, [1000, 97.5]],
  ['and so is a first token', { ttftMs: 1200, tpotMs: 20 }, [1800, 50]],
] as const)('%s', (_, unloaded, [ttftMs, tpotMs]) => {
  expect(countedSlo(usualSlo, unloaded)).toEqual({ ...usualSlo, ttftMs, tpotMs });
});
