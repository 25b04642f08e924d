import type { UsualTimes } from './call-times.ts';

/** Taken for a call of a kind of which none is known yet. Derived: an answer of some hundred tokens, with a wait of as long. */
const assumed: UsualTimes = { tookMs: 10_000, inferenceMs: 10_000 };
/** The longest pause before a retry. Protocol: contract §1, "Retries". */
const longestRetryMs = 60_000;
/** After a 429 Pub/Sub may bring a message no sooner than this. Protocol: the subscription's `maximumBackoff`. */
export const longestBackoffMs = 60_000;

/** What decides whether a message would miss its deadline at the pace of others. */
export interface UrgencyInputs {
  /** Undefined where no message like it was answered yet. */
  readonly usual: UsualTimes | undefined;
  /** Failed so far. */
  readonly attemptsFailed: number;
  /** It has to be called now, or goes back to Pub/Sub. */
  readonly isLastChance: boolean;
}

/**
 * The time that a message needs at the pace of others: what 95 % of recent ones took, wait included, one retry (its pause, min(60, 2·2ⁿ) s
 * after n failed attempts, and another call), and the time until Pub/Sub brings it again where it would be given back now.
 */
export function neededMs({ usual = assumed, attemptsFailed, isLastChance }: UrgencyInputs): number {
  const retryMs = Math.min(longestRetryMs, 2000 * 2 ** (attemptsFailed + 1));
  return usual.tookMs + retryMs + usual.inferenceMs + (isLastChance ? longestBackoffMs : 0);
}

/**
 * Whether one more call may be escalated: at most `share` of all calls under way are, this one included, and at least one may be.
 * @param share in [0, 1]
 */
export function mayEscalate(escalated: number, inFlight: number, share: number): boolean {
  return escalated + 1 <= Math.max(1, share * (inFlight + 1));
}
