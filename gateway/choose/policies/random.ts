import type { Policy } from './policy.ts';

/** All are equal, and ties are broken at random. */
export const random: Policy = {
  meaning: 'at random',
  waitsFor: 'any endpoint',
  score: (candidates) => ({ scores: candidates.map(() => 1), rule: 'at random' }),
};
