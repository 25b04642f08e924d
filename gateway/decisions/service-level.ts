export interface ServiceLevel {
  readonly ttftMs: number;
  readonly tpotMs: number;
  /** Share of requests in [0, 1] that may miss it. */
  readonly missBudget: number;
}

/** What real-time requests are taken to expect where nobody named a service level. */
export const usualServiceLevel: ServiceLevel = { ttftMs: 1000, tpotMs: 50, missBudget: 0.01 };

export interface Experience {
  /** Undefined where it was not seen, as without a stream. */
  readonly ttftMs: number | undefined;
  readonly tpotMs: number | undefined;
}

export function missed({ ttftMs = 0, tpotMs = 0 }: Experience, slo: ServiceLevel): boolean {
  return ttftMs > slo.ttftMs || tpotMs > slo.tpotMs;
}

/** Share of the promised time per token that sheddable work may drive an endpoint to. */
export const firstTargetShare = 0.6;
const lowestTargetShare = 0.4;
const highestTargetShare = 0.8;
/** How far one miss moves the target, as a share of the promise. */
const missStep = 0.02;

/**
 * Moves the target down by a step for a miss, up by the budget's share of one for a request that was well: it stands still where
 * the share of misses is the budget. Source: the Robbins-Monro rule for a quantile.
 */
export function nextTargetShare(share: number, miss: boolean, missBudget: number): number {
  const next = share + missStep * (miss ? missBudget - 1 : missBudget);
  return Math.min(highestTargetShare, Math.max(lowestTargetShare, next));
}
