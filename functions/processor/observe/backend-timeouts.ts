/** Two ages are alike that differ by no more than timers and scheduling do. Derived: a busy event loop is late by some tens of milliseconds. */
const toleranceMs = 100;
/** So with long ones, as a share of the age. Derived: a proxy that rounds to seconds is within it from 50 s on. */
const tolerance = 0.02;
/** An answer that is there at once was cut by no timeout. Derived: proxies count their timeouts in seconds. */
const shortestCutMs = 200;

/**
 * Finds load balancers that cut every call at the same age: their answer, 504, says nothing of it. Bounded by the number of pools, which
 * the configuration names.
 */
export class BackendTimeouts {
  readonly #last = new Map<string, number>();
  readonly #named = new Map<string, number>();

  /**
   * A call of the pool was answered 504 after `ageMs` milliseconds.
   * @returns the age in milliseconds, once, when the one before it was cut at the same; else undefined
   */
  cut(pool: string, ageMs: number): number | undefined {
    const lastMs = this.#last.get(pool);
    this.#last.set(pool, ageMs);
    const isConstant = ageMs >= shortestCutMs && isAlike(lastMs, ageMs);
    if (!isConstant || isAlike(this.#named.get(pool), ageMs)) return undefined;
    this.#named.set(pool, ageMs);
    return ageMs;
  }
}

function isAlike(knownMs: number | undefined, ageMs: number): boolean {
  return knownMs !== undefined && Math.abs(knownMs - ageMs) <= Math.max(toleranceMs, tolerance * knownMs);
}
