import { longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import { decayed, type Ewma, noSamples, withSample } from '../../../shared/runtime/ewma.ts';
import type { LoadSample } from './limit.ts';
import type { Targets } from './promise.ts';

/** What an answer generated, and how long the call took. */
export interface CallGeneration {
  readonly outputTokens: number;
  readonly durationMs: number;
}

/** The same of an answer that may not count its tokens. */
export interface UncountedGeneration {
  readonly outputTokens: number | undefined;
  readonly durationMs: number;
}

/** Sums over answers, the newer ones weighing more: how durations depend on lengths. */
interface LengthSums {
  readonly weight: number;
  readonly tokens: number;
  readonly tokensSquared: number;
  readonly durationMs: number;
  readonly product: number;
}

/**
 * What whole answers tell of a pool's load. Of an answer of `o` tokens after `d` milliseconds:
 *
 *     a = intercept of d over o, least squares over the answers of some 30 s, in [0, d/2]     what comes before the tokens
 *     p = (d − a) / o                                                                         ms a token
 *     v = |p − p̄| · sqrt(min(o, 128) / 8 / (1 + 1/w))                                         how much 8 tokens scatter
 *     r = (p + 3 v) / (0.8 P)                                                                 congestion
 *
 * v is at most p where p < p̄. p̄ is the mean of p over some 8 s before, w its weight, and P what a token may take. Short real-time answers miss their promise where
 * a few steps in a row are slow, which a mean does not show. An answer of many tokens is a mean: its deviation tells what those steps
 * scatter.
 */
export interface AnswerPace {
  readonly lengths: LengthSums;
  readonly answers: number;
  readonly meanWeight: number;
  /** Of p. */
  readonly meanSum: number;
  /** Of p + 3 v. */
  readonly slow: Ewma;
  readonly atMs: MonotonicMs;
}

/** A pace, and what the last answer was to it. */
export interface PacedAnswer {
  readonly pace: AnswerPace;
  /** p */
  readonly msPerToken: number;
  /** p + 3 v */
  readonly slowMs: number;
}

/** Below this, an answer says more of its prompt than of the pace. Derived: a prompt takes about as long as eight tokens. */
export const fewestTokens = 8;
/** Of the fit of durations to lengths. Measured: docs/how-async-takes-what-is-left.md. */
const lengthMemoryMs = 30_000;
/** Of the mean pace. Measured: as above. */
const meanMemoryMs = 8000;
/** Derived: fewer say little of a line's intercept. */
const answersToFit = 8;
/** Lengths that scatter by less than this share of their mean tell nothing of the intercept. Measured: as above. */
const leastScatter = 0.1;
/** A longer answer counts as one of 128 tokens: its tokens are not independent. Measured: as above. */
const mostTokensCounted = 128;
/** An answer keeps the promise where the mean and three scatters do. Measured: as above. */
const spreadFactor = 3;
/** Of what a token may take. Measured: as above. */
const usedShare = 0.8;
/** Congestion from which slow start is over. Measured: as above. */
const loadedFrom = 0.9;
/** Of the newest answer in the mean of slow ones. Measured: as above. */
const slowWeight = 1 / 16;

/** Before any answer. */
export const noAnswers: AnswerPace = Object.freeze({
  lengths: { weight: 0, tokens: 0, tokensSquared: 0, durationMs: 0, product: 0 },
  answers: 0,
  meanWeight: 0,
  meanSum: 0,
  slow: noSamples,
  atMs: longAgo,
});

/** The pace after an answer of at least 8 tokens, and that answer's own. */
export function withAnswer(before: AnswerPace, generation: CallGeneration, nowMs: MonotonicMs): PacedAnswer {
  const { outputTokens, durationMs } = generation;
  const agedMs = msBetween(before.atMs, nowMs);
  const answers = before.answers + 1;
  const lengths = withLength(before.lengths, generation, decayed(1, agedMs, lengthMemoryMs));
  const interceptMs = answers < answersToFit ? 0 : Math.max(0, Math.min(durationMs / 2, interceptOf(lengths)));
  const msPerToken = (durationMs - interceptMs) / outputTokens;
  const kept = decayed(1, agedMs, meanMemoryMs);
  const [weight, sum] = [before.meanWeight * kept, before.meanSum * kept];
  const scale = Math.min(outputTokens, mostTokensCounted) / fewestTokens / (1 + 1 / weight);
  const differsMs = weight === 0 ? 0 : msPerToken - sum / weight;
  const scatterMs = Math.abs(differsMs) * Math.sqrt(scale);
  // That the pool has become quicker is no load.
  const spread = differsMs < 0 ? Math.min(scatterMs, msPerToken) : scatterMs;
  const slowMs = msPerToken + spreadFactor * spread;
  return {
    pace: {
      lengths,
      answers,
      meanWeight: weight + 1,
      meanSum: sum + msPerToken,
      slow: withSample(before.slow, slowMs, slowWeight),
      atMs: nowMs,
    },
    msPerToken,
    slowMs,
  };
}

/** What the last answer tells of the load. */
export function sampleOfAnswer({ pace, slowMs }: PacedAnswer, { tpotMs }: Targets): LoadSample {
  const allowedMs = usedShare * tpotMs;
  return { congestion: slowMs / allowedMs, isLoaded: pace.slow.mean / allowedMs > loadedFrom };
}

/** What an answer of fewer tokens tells: whether its first token came as real-time work is promised, and the others with it. */
export function sampleOfShort({ outputTokens, durationMs }: CallGeneration, { ttftMs, tpotMs }: Targets): LoadSample {
  const congestion = durationMs / (usedShare * (ttftMs + outputTokens * tpotMs));
  return { congestion, isLoaded: congestion > 1 };
}

/** An answer that does not count its tokens tells of no load. Derived from that. */
export const uncounted: LoadSample = { congestion: 0, isLoaded: false };

function withLength(sums: LengthSums, { outputTokens, durationMs }: CallGeneration, kept: number): LengthSums {
  return {
    weight: sums.weight * kept + 1,
    tokens: sums.tokens * kept + outputTokens,
    tokensSquared: sums.tokensSquared * kept + outputTokens ** 2,
    durationMs: sums.durationMs * kept + durationMs,
    product: sums.product * kept + outputTokens * durationMs,
  };
}

/** Milliseconds that an answer without tokens would take; 0 where lengths hardly differ. */
function interceptOf({ weight, tokens, tokensSquared, durationMs, product }: LengthSums): number {
  const [meanTokens, meanMs] = [tokens / weight, durationMs / weight];
  const variance = tokensSquared / weight - meanTokens ** 2;
  if (variance < (leastScatter * meanTokens) ** 2) return 0;
  return meanMs - ((product / weight - meanTokens * meanMs) / variance) * meanTokens;
}
