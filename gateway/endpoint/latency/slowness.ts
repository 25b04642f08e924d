/** Weight of the newest step: the mean spans about the last sixteen. Measured: steps of equal load differ by a few percent. */
const newestWeight = 1 / 16;
/**
 * Half of what is known is forgotten in this time without a step, so that an endpoint that was slow is tried again. Measured: row
 * "half-life of slowness" of `npm run sim -- sensitivity`.
 */
const halfLifeMs = 10_000;
/** One step tells no more: a connection that hung is not a slow engine. Derived: engines of one pool differ by less than that. */
const mostRatio = 10;

/** How slow an endpoint is against the pool's model: the mean of seen / modelled over its last steps without prompts. */
export interface Slowness {
  readonly value: number;
  readonly atMs: number;
}

/** As fast as the pool's model says. */
export const usualSlowness: Slowness = { value: 1, atMs: 0 };

/** 1 + (value − 1) · ½^(time since / half-life): projected to now, nothing is changed. */
export function slownessAt({ value, atMs }: Slowness, nowMs: number): number {
  return value === 1 ? 1 : 1 + (value - 1) * 0.5 ** (Math.max(0, nowMs - atMs) / halfLifeMs);
}

/** After a step without prompts. */
export function nextSlowness(slowness: Slowness, ratio: number, nowMs: number): Slowness {
  const value = slownessAt(slowness, nowMs);
  return { value: value + (Math.min(mostRatio, ratio) - value) * newestWeight, atMs: nowMs };
}

/** With a step that still runs and is overdue: it counts as if it ended now. */
export function slownessWhileRunning(slowness: Slowness, ratioSoFar: number, nowMs: number): number {
  const value = slownessAt(slowness, nowMs);
  return ratioSoFar <= value ? value : value + (Math.min(mostRatio, ratioSoFar) - value) * newestWeight;
}
