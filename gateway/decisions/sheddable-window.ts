/** How many sheddable requests an endpoint takes before its first reading, and all it takes while it has none. */
export const blindWindow = 16;

/** Most that a window opens beyond what is in flight, between two readings of an idle endpoint. */
const widestStep = 16;
const cut = 0.7;

/**
 * Sheddable requests that an endpoint may hold until its next reading. With room it opens by a step in proportion to the
 * headroom left, so that a burst between two readings cannot flood the engine; a full engine drains to seven tenths.
 */
export function sheddableWindow(inFlight: number, saturation: number): number {
  if (saturation >= 1) return Math.floor(inFlight * cut);
  return inFlight + Math.max(1, Math.round(widestStep * (1 - saturation)));
}
