export interface ServiceLevel {
  readonly ttftMs: number;
  readonly tpotMs: number;
  /** Share of requests in [0, 1] that may miss it. */
  readonly missBudget: number;
}

/** What real-time requests are taken to expect where nobody named a service level. */
export const usualServiceLevel: ServiceLevel = { ttftMs: 1000, tpotMs: 50, missBudget: 0.01 };

/** A promise outside of these bounds, in milliseconds, counts as the nearest within: nobody can keep less or wait for more. */
const promiseBoundsMs = { ttft: [1, 3_600_000], tpot: [0.1, 60_000] } as const;

/** A promise as it is taken; none stays none. */
export function promisedMs(what: keyof typeof promiseBoundsMs, ms: number | undefined): number | undefined {
  const [least, most] = promiseBoundsMs[what];
  return ms === undefined ? undefined : Math.min(most, Math.max(least, ms));
}

export interface ObservedLatency {
  /** Undefined where it was not seen, as without a stream. */
  readonly ttftMs: number | undefined;
  readonly tpotMs: number | undefined;
}

export function missed({ ttftMs = 0, tpotMs = 0 }: ObservedLatency, slo: ServiceLevel): boolean {
  return ttftMs > slo.ttftMs || tpotMs > slo.tpotMs;
}
