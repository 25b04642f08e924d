/** How much an endpoint carries, or several on average. */
export interface Carried {
  readonly inFlight: number;
  /** Requests per second that were placed recently. */
  readonly perSecond: number;
}

/**
 * An engine fills its caches and compiles its kernels with its first requests. Derived: graphs are captured before an engine listens; what
 * is left takes seconds.
 */
export const slowStartMs = 10_000;
/** One request in a while is always allowed: with less there is nothing to learn from. Derived: two within a slow start. */
const fewestPerSecond = 0.2;

/** The share in [0, 1] of others' work that it may have at this age. */
export function slowStartShare(sinceStartMs: number): number {
  return Math.min(1, Math.max(0, sinceStartMs / slowStartMs));
}

/** Whether an endpoint that starts has as much as it may, compared with the mean of the others. */
export function hasItsShare(share: number, own: Carried, others: Carried): boolean {
  return (
    own.inFlight >= Math.max(1, share * others.inFlight) ||
    own.perSecond > Math.max(fewestPerSecond, share * others.perSecond)
  );
}
