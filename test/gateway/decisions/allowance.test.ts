import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  firstAllowance,
  lowestAllowance,
  nextAllowance,
  prefillShare,
  tpotTargetShare,
} from '../../../gateway/decisions/allowance.ts';

test.each([
  ['a miss lowers it by a step', 0.5, true, 0, 0.5 * Math.exp(-0.02)],
  ['being well raises it by the budget of one', 0.5, false, 0.01, 0.5 * Math.exp(0.0002)],
  ['being well raises it a little without any budget', 0.5, false, 0, 0.5 * Math.exp(0.00002)],
  ['a budget of all lowers nothing', 0.5, true, 1, 0.5],
  ['not below', lowestAllowance, true, 0, lowestAllowance],
  ['not above', 1, false, 1, 1],
])('%s', (_, allowance, miss, missBudget, expected) => {
  expect(nextAllowance(allowance, miss, missBudget)).toBeCloseTo(expected, 12);
});

test('it stands still, on the whole, where the share of misses is the budget', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 50 }), (every) => {
      let allowance = firstAllowance;
      for (let request = 0; request < every * 20; request += 1) {
        allowance = nextAllowance(allowance, request % every === 0, 1 / every);
      }
      expect(allowance).toBeCloseTo(firstAllowance, 9);
    }),
  );
});

test.each([
  ['nothing may go wrong', lowestAllowance, 0.48, 0.1],
  ['nothing is known', firstAllowance, 0.6, 0.25],
  ['nobody misses anything', 1, 0.8, 0.5],
])(
  'shares of the promised time per token, and of an engine’s time for prompts, while %s',
  (_, allowance, tpot, time) => {
    expect(tpotTargetShare(allowance)).toBeCloseTo(tpot, 12);
    expect(prefillShare(allowance)).toBeCloseTo(time, 12);
  },
);
