import { FadingSum } from '../../../shared/runtime/ewma.ts';

/** An answer counts a third once it is so old. Derived: at a few answers a second a budget of 1 % then stands for some, and a change is seen within minutes. */
const memoryMs = 60_000;
/** One miss alone is no rate, however few answers there are. Derived from that. */
const missesOfChance = 1;

/** Of recent real-time answers, the newer ones weighing more. */
export interface MissCount {
  /** Those that missed their SLO. */
  readonly missed: number;
  /** Those that may have: the sum of the miss budgets of all of them. */
  readonly allowed: number;
}

/** Whether real-time work misses more than its budget: Σ missed > Σ allowed + 1, over all endpoints of a pool. */
export function isOverBudget(counts: readonly MissCount[]): boolean {
  const missed = counts.reduce((sum, count) => sum + count.missed, 0);
  const allowed = counts.reduce((sum, count) => sum + count.allowed, 0);
  return missed > allowed + missesOfChance;
}

/** How often real-time answers of one endpoint missed their SLO in about the last minute, and how often they may have. */
export class RealtimeMisses {
  readonly #missed = new FadingSum(memoryMs);
  readonly #allowed = new FadingSum(memoryMs);

  /** @param missBudget share in [0, 1] of such answers that may miss */
  record(isMiss: boolean, missBudget: number, nowMs: number): void {
    this.#missed.add(Number(isMiss), nowMs);
    this.#allowed.add(missBudget, nowMs);
  }

  at(nowMs: number): MissCount {
    return { missed: this.#missed.at(nowMs), allowed: this.#allowed.at(nowMs) };
  }
}
