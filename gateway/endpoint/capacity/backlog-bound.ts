/** Derived: what is sent during one step is computed in the second one after it, so that a first token ends the third. */
export const stepsToFirstToken = 3;

/** What decides how much an engine may have to compute. */
export interface BacklogInputs {
  /** Promised, τ. */
  readonly tpotSloMs: number;
  /** Of a step without prompts, with what generates there; undefined where too few steps were seen. */
  readonly plainStepMs: number | undefined;
}

/**
 * Milliseconds that may be to be computed before a real-time prompt, so that those that generate keep their promise until its first token:
 *
 *     3 steps · (τ − step without prompts)
 *
 * More waits in the gateway, where a higher priority can still overtake it. Infinite where τ is broken anyway, or nothing is known.
 */
export function mostBacklogMs({ tpotSloMs, plainStepMs }: BacklogInputs): number {
  if (plainStepMs === undefined || plainStepMs >= tpotSloMs) return Number.POSITIVE_INFINITY;
  return stepsToFirstToken * (tpotSloMs - plainStepMs);
}
