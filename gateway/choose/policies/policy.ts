import type { RoutingRequest } from '../../request.ts';
import type { Candidate } from '../candidate.ts';

/** Chance and turn are parameters, so that a choice can be repeated. */
export interface Chance {
  /** Counts the choices made so far. */
  readonly turn: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** What a policy says of the candidates. */
export interface Scored {
  /** One in [0, 1] for each candidate, in their order; the highest wins, ties at random. */
  readonly scores: readonly number[];
  /** What the highest score means, for people. */
  readonly rule: string;
}

/** A way to choose among endpoints that may have a request. */
export interface Policy {
  /** One clause, for the configuration reference. */
  readonly meaning: string;
  /**
   * What a request waits for in the gateway's queue: `the best endpoint` where the policy counts the wait there; `any endpoint` with room,
   * of which it chooses; or `nothing`, where real-time ones go to an engine's own queue at once, and sheddable ones wait for any room.
   */
  readonly waitsFor: 'the best endpoint' | 'any endpoint' | 'nothing';
  readonly score: (candidates: readonly Candidate[], request: RoutingRequest, chance: Chance) => Scored;
}

/** The index of the highest score; equal ones have equal chances, and one that is no number is the lowest. -1 where there is none. */
export function pickHighest(scores: readonly number[], random: () => number): number {
  let best = -1;
  let ties = 0;
  let highest = Number.NEGATIVE_INFINITY;
  for (const [index, each] of scores.entries()) {
    const score = Number.isNaN(each) ? Number.NEGATIVE_INFINITY : each;
    if (best < 0 || score > highest) {
      best = index;
      highest = score;
      ties = 1;
    } else if (score === highest) {
      ties += 1;
      if (random() * ties < 1) best = index;
    }
  }
  return best;
}
