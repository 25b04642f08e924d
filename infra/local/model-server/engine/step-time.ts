/** What a step costs, in milliseconds per token, per cached token or per pair of both. */
export interface StepCoefficients {
  /** Tokens in a step at the knee between memory-bound and compute-bound matrix products. */
  readonly n0: number;
  /** Reading the weights. */
  readonly c0: number;
  /** Matrix products, per token. */
  readonly cN: number;
  /** The same, on top of `cN`, per token above `n0`. */
  readonly cNhi: number;
  /** Decode attention, per cached token read. */
  readonly cKV: number;
  /** The same, on top of `cKV`, when the step also prefills. */
  readonly cKVmix: number;
  /** Causal attention of a prefill, per pair of tokens. */
  readonly cPP: number;
  /** Reading what earlier chunks of a prefill cached, per token. */
  readonly cPK: number;
  /** Per decoded token when the step also prefills. */
  readonly cMix: number;
}

/** What a step computes. */
export interface StepLoad {
  /** Sequences that decode one token each. */
  decodes: number;
  /** Tokens that those hold in the cache, together. */
  decodeContextTokens: number;
  /** Tokens of all prefill chunks. */
  prefillTokens: number;
  /** Σ n·(k + n/2) over chunks of n tokens after k already cached. */
  prefillPairs: number;
  /** Σ k. */
  prefillContextTokens: number;
}

/** Python between two steps: scheduling, sampling, output. */
export const hostMs = 0.3;

/** How long the step takes, in milliseconds. Zero load still reads the weights. */
export function stepMs(load: StepLoad, c: StepCoefficients): number {
  const tokens = load.prefillTokens + load.decodes;
  const mixed = load.prefillTokens > 0 && load.decodes > 0;
  return (
    hostMs +
    c.c0 +
    c.cN * tokens +
    c.cNhi * Math.max(0, tokens - c.n0) +
    c.cKV * load.decodeContextTokens +
    c.cPP * load.prefillPairs +
    c.cPK * load.prefillContextTokens +
    (mixed ? c.cKVmix * load.decodeContextTokens + c.cMix * load.decodes : 0)
  );
}
