/** A pool's load at one instant, from whatever source. */
export interface Reading {
  readonly source: string;
  /** 0 idle, ≥ 1 full; may be infinite. */
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

/** In which the calls of other instances end, whose gates closed on the same signal. */
const echoMs = 60_000;

/** NaN and negative values say nothing, and what is too old is not known any more. */
export function isUsable({ saturation, asOfMs }: Reading, maxAgeMs: number, nowMs: number): boolean {
  return saturation >= 0 && nowMs - asOfMs <= maxAgeMs;
}

/**
 * The gate after a reading. Between the two thresholds it stays as it was; one that was not closed for saturation counts as open.
 *
 * Our own calls fill the KV cache too, and the point shown may be minutes old: what closed the gate may have been ourselves. The
 * distance between the thresholds damps that swing, but real-time load alone may rest between them for hours, and a gate that we had
 * closed would stay closed where one that had just started stands open. So a point below the closing threshold opens it as well
 * when it was taken a minute after the pool was last full and our last call had ended: nothing in it is ours. At the threshold and
 * above it stays closed, since then it is others who fill the pool.
 * @param echoFromMs when the pool was last full or, where that is later, our last call ended; infinite while one is under way
 */
export function nextGate(
  previous: GateState,
  reading: Reading | undefined,
  { closeAt, openAt, maxAgeMs }: GateThresholds,
  echoFromMs: number,
  nowMs: number,
): GateState {
  if (!reading || !isUsable(reading, maxAgeMs, nowMs)) return 'unknown';
  if (reading.readyServers === 0) return 'asleep';
  if (reading.saturation >= closeAt) return 'saturated';
  const mayBeOurs = reading.asOfMs < echoFromMs + echoMs;
  return previous === 'saturated' && reading.saturation >= openAt && mayBeOurs ? 'saturated' : 'open';
}
