import type { Policy } from './policy.ts';

/** score = 1 / (1 + requests in flight). */
export const leastRequest: Policy = {
  meaning: 'the fewest requests of our own',
  waitsFor: 'any endpoint',
  score: (candidates) => ({
    scores: candidates.map(({ inFlight }) => 1 / (1 + inFlight)),
    rule: 'the fewest requests of our own',
  }),
};
