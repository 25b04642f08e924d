import { keepableSlo, type Slo } from '../../slo.ts';

/** What is promised of times. */
export type SloTargets = Pick<Slo, 'ttftMs' | 'tpotMs'>;

/** Of an endpoint without real-time requests. */
export const noSlo: SloTargets = { ttftMs: Number.POSITIVE_INFINITY, tpotMs: Number.POSITIVE_INFINITY };

/**
 * What is to be defended where one more real-time request is there.
 * @param alone what that one would see without other work
 */
export function tighterSlo(defended: SloTargets, promised: SloTargets, alone: SloTargets): SloTargets {
  const keepable = keepableSlo(promised, alone);
  return {
    ttftMs: Math.min(defended.ttftMs, keepable.ttftMs),
    tpotMs: Math.min(defended.tpotMs, keepable.tpotMs),
  };
}
