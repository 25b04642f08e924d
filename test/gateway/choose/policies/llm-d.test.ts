import { expect, test } from 'vitest';
import type { Candidate } from '../../../../gateway/choose/candidate.ts';
import { llmD } from '../../../../gateway/choose/policies/llm-d.ts';
import { pickHighest } from '../../../../gateway/choose/policies/policy.ts';
import type { RoutingRequest } from '../../../../gateway/request.ts';

const saturated = 286_720;

/** Each candidate as [leading share that is cached, uncached tokens in flight]. */
function winnerOf(candidates: readonly (readonly [number, number])[]): number {
  const seen = candidates.map(([prefixShare, uncachedTokens]) => ({ prefixShare, uncachedTokens }) as Candidate);
  const { scores } = llmD.score(seen, {} as RoutingRequest, { turn: 0, random: () => 0 });
  expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
  return pickHighest(scores, () => 0);
}

test.each([
  [
    'without a prefix the least token load',
    [
      [0, 10],
      [0, 9],
    ],
  ],
  [
    'below four fifths there is no affinity',
    [
      [0.79, 10],
      [0, 9],
    ],
  ],
  [
    'at four fifths there is, whatever the load',
    [
      [0, 0],
      [0.8, 5000],
    ],
  ],
  [
    'of those that have it, the least token load',
    [
      [0.8, 6000],
      [1, 5000],
      [0, 0],
    ],
  ],
  [
    'at the bound it is sticky',
    [
      [0, 0],
      [1, saturated],
    ],
  ],
  [
    'beyond the bound it is not',
    [
      [1, saturated + 1],
      [0, 100],
    ],
  ],
  [
    'where all that have it are beyond, the least token load of all',
    [
      [1, saturated + 2],
      [1, saturated + 1],
    ],
  ],
] as const)('the second one: %s', (_, candidates) => {
  expect(winnerOf(candidates)).toBe(1);
});

test('nothing waits for room', () => {
  expect(llmD.waitsFor).toBe('nothing');
});
