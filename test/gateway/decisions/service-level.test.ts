import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  firstTargetShare,
  missed,
  nextTargetShare,
  usualServiceLevel,
} from '../../../gateway/decisions/service-level.ts';

test.each([
  ['both in time', 1000, 50, false],
  ['a late first token', 1001, 10, true],
  ['slow ones after it', 10, 51, true],
  ['nothing seen', undefined, undefined, false],
  ['only the first seen', 1001, undefined, true],
])('%s', (_, ttftMs, tpotMs, expected) => {
  expect(missed({ ttftMs, tpotMs }, usualServiceLevel)).toBe(expected);
});

test.each([
  ['a miss moves down by a step', 0.6, true, 0, 0.58],
  ['being well moves up by the budget of one', 0.6, false, 0.01, 0.6002],
  ['a budget of all moves nothing down', 0.6, true, 1, 0.6],
  ['not below', 0.4, true, 0, 0.4],
  ['not above', 0.8, false, 1, 0.8],
])('%s', (_, share, miss, missBudget, expected) => {
  expect(nextTargetShare(share, miss, missBudget)).toBeCloseTo(expected, 12);
});

test('the target stands still, on the whole, where the share of misses is the budget', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 50 }), (every) => {
      let share = firstTargetShare;
      for (let request = 0; request < every * 20; request += 1) {
        share = nextTargetShare(share, request % every === 0, 1 / every);
      }
      expect(share).toBeCloseTo(firstTargetShare, 9);
    }),
  );
});
