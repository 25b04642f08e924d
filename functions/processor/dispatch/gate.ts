import { type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';

/** A pool's load as a source tells it. */
export interface SourceReading {
  readonly source: string;
  /** 0 idle, 1 and above full; may be infinite. */
  readonly saturation: number;
  /** What it would be without async work, where a gateway tells that: one that queues async work itself. */
  readonly realtimeSaturation?: number;
  /** Absent when the source does not say. */
  readonly readyServers?: number;
  /** Real-time work misses its SLO more often than its budget allows. Absent when the source does not say. */
  readonly realtimeOverBudget?: boolean;
  /** Of the newest point at the moment of the reading; never negative. */
  readonly ageMs: number;
}

/** A reading that is here: from now on its age grows with the monotonic clock, whatever happens to the wall clock. */
export interface CapacityReading extends Omit<SourceReading, 'ageMs'> {
  /** When the newest point was taken. */
  readonly takenAtMs: MonotonicMs;
}

/** `asleep`: the pool has no ready server; `unknown`: its load was not read, or too long ago. */
export type GateState = 'open' | 'saturated' | 'asleep' | 'unknown';

/** Where a gate opens and closes; saturation is 0 idle, 1 full. */
export interface GateThresholds {
  /** The gate closes at this saturation and above. */
  readonly closeAt: number;
  /** It opens below this one. */
  readonly openAt: number;
  /** An older reading means that the load is unknown. */
  readonly maxAgeMs: number;
}

/** Whether a reading says anything: NaN and negative values do not, and what is too old is not known any more. */
export function isUsable(
  { saturation, ageMs }: Pick<SourceReading, 'saturation' | 'ageMs'>,
  maxAgeMs: number,
): boolean {
  return saturation >= 0 && ageMs <= maxAgeMs;
}

/**
 * The gate after a reading. It closes at one threshold and opens below the other, and by no other rule; between the two it stays as it
 * was. One that was not closed for saturation counts as open. Where a source tells what saturation would be without async work, that one
 * counts: such a gateway fills its pool with async work by intent, and queues what is more, so that a pool full of it is no reason to wait.
 */
export function nextGate(
  previous: GateState,
  reading: CapacityReading | undefined,
  { closeAt, openAt, maxAgeMs }: GateThresholds,
  nowMs: MonotonicMs,
): GateState {
  if (!reading) return 'unknown';
  const { saturation, realtimeSaturation, readyServers, takenAtMs } = reading;
  if (!isUsable({ saturation, ageMs: msBetween(takenAtMs, nowMs) }, maxAgeMs)) return 'unknown';
  if (readyServers === 0) return 'asleep';
  const holdingBack = realtimeSaturation ?? saturation;
  if (holdingBack >= closeAt) return 'saturated';
  return previous === 'saturated' && holdingBack >= openAt ? 'saturated' : 'open';
}
