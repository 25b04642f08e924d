export interface ServiceLevel {
  readonly ttftMs: number;
  readonly tpotMs: number;
  /** Share of requests in [0, 1] that may miss it. */
  readonly missBudget: number;
}

/** What real-time requests are taken to expect where nobody named a service level. */
export const usualServiceLevel: ServiceLevel = { ttftMs: 1000, tpotMs: 50, missBudget: 0.01 };

export interface Experience {
  /** Undefined where it was not seen, as without a stream. */
  readonly ttftMs: number | undefined;
  readonly tpotMs: number | undefined;
}

export function missed({ ttftMs = 0, tpotMs = 0 }: Experience, slo: ServiceLevel): boolean {
  return ttftMs > slo.ttftMs || tpotMs > slo.tpotMs;
}
