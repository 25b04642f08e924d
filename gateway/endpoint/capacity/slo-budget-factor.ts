/** How much sheddable work takes of the most that it may take of an endpoint, from `lowestSloBudgetFactor` to 1: learned from misses. */
export const firstSloBudgetFactor = 0.5;
export const lowestSloBudgetFactor = 0.2;
/** By what share of itself a miss lowers it. */
const missStep = 0.02;
/** Without any budget nothing that was lost would ever come back. */
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

/** Share of the promised time per token to which sheddable work may drive an endpoint. */
export function tpotTargetShare(sloBudgetFactor: number): number {
  return 0.4 + 0.4 * sloBudgetFactor;
}

/**
 * Share of an engine's time that sheddable prompts may take, one after another: each holds up all that generate, and an answer of a
 * dozen tokens has no time to make up for several.
 */
export function prefillShare(sloBudgetFactor: number): number {
  return 0.5 * sloBudgetFactor;
}
