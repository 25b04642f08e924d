/** A pool's load at one instant, from whatever source. */
export interface Reading {
  readonly source: string;
  /** 0 idle, ≥ 1 full. */
  readonly saturation: number;
  /** Absent when the source does not say. */
  readonly readyServers?: number;
  /** Of the newest point. */
  readonly asOfMs: number;
}

export type GateState = 'open' | 'saturated' | 'asleep' | 'unknown';

export interface GateThresholds {
  /** Closes at this saturation and above. */
  readonly closeAt: number;
  /** Opens below it. */
  readonly openAt: number;
  /** An older reading means unknown. */
  readonly maxAgeMs: number;
}

/** Between the two thresholds a gate stays as it was; one that was not closed for saturation counts as open. */
export function nextGate(
  previous: GateState,
  reading: Reading | undefined,
  { closeAt, openAt, maxAgeMs }: GateThresholds,
  nowMs: number,
): GateState {
  if (!reading || nowMs - reading.asOfMs > maxAgeMs) return 'unknown';
  if (!Number.isFinite(reading.saturation) || reading.saturation < 0) return 'unknown';
  if (reading.readyServers === 0) return 'asleep';
  if (reading.saturation >= closeAt) return 'saturated';
  return previous === 'saturated' && reading.saturation >= openAt ? 'saturated' : 'open';
}
