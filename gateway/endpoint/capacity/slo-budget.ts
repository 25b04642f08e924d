/** Learned from here on: before any miss nothing of the budget is spent. */
export const firstSloBudgetFactor = 1;
/** Derived: less would starve async work for misses that it has no part in. */
export const lowestSloBudgetFactor = 0.2;
/** By what share of itself a miss lowers it. Measured: row "step of a miss" of `npm run sim -- sensitivity`. */
const missStep = 0.1;
/** Without any budget nothing that was lost would ever come back. Derived: a tenth of the usual budget of 1 %. */
const leastMissBudget = 0.001;

/**
 * Lower by a step for a miss, higher by the budget's share of one for a request that was well: it stands still where the share of
 * misses is the budget. Source: the Robbins-Monro rule for a quantile, on a logarithmic scale.
 */
export function nextSloBudgetFactor(sloBudgetFactor: number, miss: boolean, missBudget: number): number {
  const change = miss ? missBudget - 1 : Math.max(missBudget, leastMissBudget);
  const next = sloBudgetFactor * Math.exp(missStep * change);
  return Math.min(1, Math.max(lowestSloBudgetFactor, next));
}

/**
 * How much sheddable work takes of the most that it may take of each endpoint, from `lowestSloBudgetFactor` to 1: learned from misses. One
 * for a pool: what makes real-time work miss comes in bursts, and meets all of its endpoints.
 */
export class SloBudget {
  #factor: number = firstSloBudgetFactor;

  get factor(): number {
    return this.#factor;
  }

  /**
   * A real-time request was served beside sheddable work.
   * @param missBudget share in [0, 1] of such requests that may miss
   */
  record(miss: boolean, missBudget: number): void {
    this.#factor = nextSloBudgetFactor(this.#factor, miss, missBudget);
  }
}

/**
 * Share of the promised time per token to which sheddable work may drive an endpoint: 0.4 + 0.25·b. Real-time work needs the rest for
 * prompts that are computed beside it; b learns how much that is. Measured: docs/how-async-takes-what-is-left.md.
 */
export function tpotTargetShare(sloBudgetFactor: number): number {
  return 0.4 + 0.25 * sloBudgetFactor;
}

/**
 * Share of an engine's time that sheddable prompts may take, one after another, 0.5·b: each holds up all that generate, and an answer of a
 * dozen tokens has no time to make up for several. Derived: at most every other step; b learns how much that is.
 */
export function prefillShare(sloBudgetFactor: number): number {
  return 0.5 * sloBudgetFactor;
}
