import { type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import { type Ewma, ewma, noSamples, withSample } from '../../../shared/runtime/ewma.ts';

/** What a call generated and how long it took, for comparison with others of its kind. */
export interface CallGeneration {
  readonly model: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly durationMs: number;
}

/** The unhurried pace of one kind of calls. */
export interface BasePace {
  readonly msPerToken: number;
  readonly samples: number;
  readonly atMs: MonotonicMs;
}

/** How many times as slow as unhurried ones recent calls were: a mean of logarithms, so that one straggler counts little. */
export type Slowness = Ewma;

/**
 * Below this, an answer says more of its prompt than of the pace. Derived: its share of the whole is then below a half where a prompt takes
 * as long as eight tokens.
 */
const fewestTokens = 8;
/** Derived: the quickest of eight is near the quick eighth of all. */
const samplesToKnow = 8;
/**
 * Where no call is quick any more, what counts as quick doubles in this time. Derived: longer than a busy spell of minutes, shorter than an
 * instance's life of hours.
 */
const doublesInMs = 15 * 60_000;
/** One straggler counts no more than this. Derived: four times the slowness at which the limit is cut. */
const slowestCounted = 16;

/** Before any call was compared. */
export const notSlow: Slowness = noSamples;

/** Calls are alike when model, prompt and output are: sizes by powers of two. Undefined where the pace cannot be told. */
export function kindOf({ model, promptTokens, outputTokens, durationMs }: CallGeneration): string | undefined {
  if (outputTokens < fewestTokens || durationMs <= 0) return undefined;
  return `${Math.floor(Math.log2(promptTokens + 1))} ${Math.floor(Math.log2(outputTokens))} ${model}`;
}

/**
 * The base after one more call. It follows the quick ones: an eighth of the way down to a quicker call, and up only with time, twofold in
 * 15 minutes, but never above the call that was just seen.
 */
export function nextBase(base: BasePace | undefined, msPerToken: number, nowMs: MonotonicMs): BasePace {
  if (!base) return { msPerToken, samples: 1, atMs: nowMs };
  const drifted = base.msPerToken * 2 ** (msBetween(base.atMs, nowMs) / doublesInMs);
  const next = msPerToken < drifted ? ewma(drifted, msPerToken, 1 / 8) : drifted;
  return { msPerToken: next, samples: base.samples + 1, atMs: nowMs };
}

/** The slowness after one more call, against the base that its kind had before it. */
export function nextSlowness(slowness: Slowness, base: BasePace | undefined, msPerToken: number): Slowness {
  if (!base || base.samples < samplesToKnow) return slowness;
  const logarithm = Math.log(Math.min(slowestCounted, msPerToken / base.msPerToken));
  return withSample(slowness, logarithm, 1 / samplesToKnow);
}

/** How many times as slow as unhurried calls: 1 is unhurried. Undefined until eight calls were compared. */
export function factorOf({ mean, samples }: Slowness): number | undefined {
  return samples < samplesToKnow ? undefined : Math.exp(mean);
}
