import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  firstSloBudgetFactor,
  lowestSloBudgetFactor,
  nextSloBudgetFactor,
  prefillShare,
  tpotTargetShare,
} from '../../../../gateway/endpoint/capacity/slo-budget.ts';

test.each([
  ['a miss lowers it by a step', 0.5, true, 0, 0.5 * Math.exp(-0.1)],
  ['being well raises it by the budget of one', 0.5, false, 0.01, 0.5 * Math.exp(0.001)],
  ['being well raises it a little without any budget', 0.5, false, 0, 0.5 * Math.exp(0.0001)],
  ['a budget of all lowers nothing', 0.5, true, 1, 0.5],
  ['not below', lowestSloBudgetFactor, true, 0, lowestSloBudgetFactor],
  ['not above', 1, false, 1, 1],
])('%s', (_, sloBudgetFactor, miss, missBudget, expected) => {
  expect(nextSloBudgetFactor(sloBudgetFactor, miss, missBudget)).toBeCloseTo(expected, 12);
});

test('it stands still, on the whole, where the share of misses is the budget', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 50 }), (every) => {
      let sloBudgetFactor = 0.5;
      for (let request = 0; request < every * 20; request += 1) {
        sloBudgetFactor = nextSloBudgetFactor(sloBudgetFactor, request % every === 0, 1 / every);
      }
      expect(sloBudgetFactor).toBeCloseTo(0.5, 9);
    }),
  );
});

test.each([
  ['nothing may go wrong', lowestSloBudgetFactor, 0.45, 0.1],
  ['half of the budget is spent', 0.5, 0.525, 0.25],
  ['no request has missed anything', firstSloBudgetFactor, 0.65, 0.5],
])(
  'shares of the promised time per token, and of an engine’s time for prompts, while %s',
  (_, sloBudgetFactor, tpot, time) => {
    expect(tpotTargetShare(sloBudgetFactor)).toBeCloseTo(tpot, 12);
    expect(prefillShare(sloBudgetFactor)).toBeCloseTo(time, 12);
  },
);
