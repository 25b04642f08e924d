import { overUnloaded, usualPromise } from '../shared/inference-gateway/usual-promise.ts';

/** A service level objective: times that a request is promised, and how often the promise may be missed. */
export interface Slo {
  readonly ttftMs: number;
  /** Milliseconds for each further token. */
  readonly tpotMs: number;
  /** Share of requests in [0, 1] that may miss it. */
  readonly missBudget: number;
}

/** What a request brings of an SLO: its own, else its objective's. */
export interface PromisedSlo {
  readonly ttftSloMs: number | undefined;
  readonly tpotSloMs: number | undefined;
  readonly missBudget: number | undefined;
}

/** What real-time requests are taken to expect where neither they nor their objective name an SLO. Protocol: contract §7. */
export const usualSlo: Slo = { ...usualPromise, missBudget: 0.01 };

/** The promise, and what is usual where there is none. */
export function sloOf({ ttftSloMs, tpotSloMs, missBudget }: PromisedSlo): Slo {
  return {
    ttftMs: ttftSloMs ?? usualSlo.ttftMs,
    tpotMs: tpotSloMs ?? usualSlo.tpotMs,
    missBudget: missBudget ?? usualSlo.missBudget,
  };
}

/** A promise outside of these bounds, in milliseconds, counts as the nearest within: no pool keeps less, and no client waits for more. Derived: an hour for a first token, a minute for each other. */
const promiseBoundsMs = { ttft: [1, 3_600_000], tpot: [0.1, 60_000] } as const;

/** A promise as it is taken; none stays none. */
export function promisedMs(what: keyof typeof promiseBoundsMs, ms: number | undefined): number | undefined {
  const [least, most] = promiseBoundsMs[what];
  return ms === undefined ? undefined : Math.min(most, Math.max(least, ms));
}

/** The SLO as an endpoint can be held to it, by what a request that is alone there sees. */
export function keepableSlo<S extends Pick<Slo, 'ttftMs' | 'tpotMs'>>(
  slo: S,
  alone: Pick<Slo, 'ttftMs' | 'tpotMs'>,
): S {
  if (alone.ttftMs <= slo.ttftMs && alone.tpotMs <= slo.tpotMs) return slo;
  return { ...slo, ttftMs: keepableMs(slo.ttftMs, alone.ttftMs), tpotMs: keepableMs(slo.tpotMs, alone.tpotMs) };
}

function keepableMs(promisedMs: number, aloneMs: number): number {
  return aloneMs <= promisedMs ? promisedMs : aloneMs * overUnloaded;
}

/** What was measured of one answer. */
export interface ObservedLatency {
  /** From the request's arrival; undefined where it was not seen, as without a stream. */
  readonly ttftMs?: number | undefined;
  /** Mean time for each token after the first; undefined where it was not seen. */
  readonly tpotMs?: number | undefined;
}

/** Whether an answer missed the SLO. What was not seen was not missed. */
export function missed({ ttftMs = 0, tpotMs = 0 }: ObservedLatency, slo: Slo): boolean {
  return ttftMs > slo.ttftMs || tpotMs > slo.tpotMs;
}
