import type { Policy } from './policy.ts';

/** The candidates take turns, in their order. */
export const roundRobin: Policy = {
  meaning: 'the next in turn',
  waitsFor: 'any endpoint',
  score: (candidates, _request, { turn }) => ({
    scores: candidates.map((_, index) => (index === turn % candidates.length ? 1 : 0)),
    rule: 'the next in turn',
  }),
};
