import { longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import { decayed } from '../../../shared/runtime/ewma.ts';
import type { LoadSample } from './limit.ts';

/**
 * What the gaps between the tokens of own streams tell of a pool's load, over some two seconds:
 *
 *     x = mean over 8 tokens in a row of one stream                                   ms a token
 *     φ = min(1, exp((x − P) / 0.1 P))                                                a soft count of stretches that miss what is promised
 *     r = mean gap / 0.8 P + mean φ / 0.04                                            congestion
 *
 * P is what a token may take. The mean sees what every answer feels; the tail sees what short answers feel, before most do.
 */
export interface StreamPace {
  readonly sumMs: number;
  readonly tokens: number;
  readonly slowStretches: number;
  readonly stretches: number;
  readonly atMs: MonotonicMs;
}

/** Gaps of one stream: the last eight. A short real-time answer has about as many tokens. Measured: in the code completions of the Azure 2023 trace. */
const stretchTokens = 8;
/** Measured: docs/how-async-takes-what-is-left.md. */
const memoryMs = 2000;
/** Of what a token may take. Measured: as above. */
const usedShare = 0.8;
/** How gradually a stretch counts as slow, as a share of the target. Measured: as above. */
const softness = 0.1;
/** Share of stretches that may be slow. Measured: as above. */
const slowShare = 0.04;

/** Before any token. */
export const noGaps: StreamPace = Object.freeze({
  sumMs: 0,
  tokens: 0,
  slowStretches: 0,
  stretches: 0,
  atMs: longAgo,
});

/** A gap between two events of a stream. */
export interface Gap {
  /** Milliseconds a token. */
  readonly msPerToken: number;
  /** That it brought. */
  readonly tokens: number;
  /** The mean of the last eight tokens; undefined where there are fewer yet. */
  readonly stretchMs: number | undefined;
}

/** One own stream, as far as its pace goes. */
export class StreamGaps {
  #lastAtMs: MonotonicMs | undefined;
  #events = 0;
  readonly #gapsMs: number[] = [];

  /** Events that brought tokens. */
  get events(): number {
    return this.#events;
  }

  /** Tokens have come in one event. The gap before them; undefined for the first ones. */
  heard(tokens: number, nowMs: MonotonicMs): Gap | undefined {
    const before = this.#lastAtMs;
    this.#lastAtMs = nowMs;
    this.#events += 1;
    if (before === undefined) return undefined;
    const gapMs = msBetween(before, nowMs);
    const inStretch = Math.max(1, Math.round(stretchTokens / tokens));
    this.#gapsMs.push(gapMs);
    while (this.#gapsMs.length > inStretch) this.#gapsMs.shift();
    const sumMs = this.#gapsMs.reduce((sum, each) => sum + each);
    const isWhole = this.#gapsMs.length === inStretch;
    return { msPerToken: gapMs / tokens, tokens, stretchMs: isWhole ? sumMs / inStretch / tokens : undefined };
  }
}

/** The pace after one more gap. `targetMs`: what a token may take. */
export function withGap(
  pace: StreamPace,
  { msPerToken, tokens, stretchMs }: Gap,
  targetMs: number,
  nowMs: MonotonicMs,
): StreamPace {
  const kept = decayed(1, msBetween(pace.atMs, nowMs), memoryMs);
  const isStretch = stretchMs !== undefined;
  const slow = isStretch ? Math.min(1, Math.exp((stretchMs - targetMs) / (softness * targetMs))) : 0;
  return {
    sumMs: pace.sumMs * kept + msPerToken * tokens,
    tokens: pace.tokens * kept + tokens,
    slowStretches: pace.slowStretches * kept + slow,
    stretches: pace.stretches * kept + (isStretch ? 1 : 0),
    atMs: nowMs,
  };
}

/** What the gaps tell; there must be one at least. */
export function sampleOf({ sumMs, tokens, slowStretches, stretches }: StreamPace, targetMs: number): LoadSample {
  const tail = stretches === 0 ? 0 : slowStretches / stretches / slowShare;
  const congestion = sumMs / tokens / (usedShare * targetMs) + tail;
  return { congestion, isLoaded: congestion > 1 };
}
