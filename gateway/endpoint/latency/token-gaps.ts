import { LinkedList, type ListNode } from '../../../shared/runtime/linked-list.ts';

/** Weight of a stream's newest gap: its mean spans about the last sixteen. Derived: a third of a second of a stream. */
const newestWeight = 1 / 16;
/** A stream speaks for the engine after this many gaps. Derived: as many as a quarter of the mean's memory. */
const gapsToCount = 4;
/**
 * Of several streams the one at this quantile: parsers that hold tokens back make gaps longer, never shorter. Derived: as long as fewer
 * than seven in ten streams hold tokens back, the one that is taken does not.
 */
const quantile = 0.3;
/**
 * No engine puts more tokens into a chunk: an answer that says so has lost its count. Derived: speculative decoding yields up to some ten
 * tokens a step.
 */
export const mostTokensPerChunk = 64;
/** Time per token of finished requests, where no stream runs, counts for this time. Derived: a few answers of some hundred tokens. */
const finishedCountsMs = 5000;

/**
 * What complete streams said of their tokens counts for this time before an engine's own counter does. Derived: how many tokens a chunk
 * holds changes with an engine's restart alone.
 */
const usageCountsMs = 60_000;
/** From two pages with fewer tokens between them nothing can be told. Derived: one token more or less is then an eighth. */
const fewestPageTokens = 8;
/** Pages tell tokens a chunk to about a fifth: a smaller surplus over one is none. Derived from that fifth. */
const leastSurplus = 0.25;

/** What an engine generated between two readings of its page. */
export interface GeneratedTokens {
  readonly tokens: number;
  readonly durationMs: number;
  /** Requests that it ran meanwhile, on the average. */
  readonly running: number;
}

/** The gaps between the chunks of one stream so far. */
export interface StreamGaps {
  readonly gaps: number;
  /** Moving mean; 0 before the first gap. */
  readonly meanMs: number;
}

/** Of a stream without chunks. */
export const noGaps: StreamGaps = { gaps: 0, meanMs: 0 };

/** mean += (gap − mean) · max(1/16, 1/n): an even mean at first, then one over about the last sixteen gaps. */
export function nextGaps({ gaps, meanMs }: StreamGaps, gapMs: number): StreamGaps {
  const count = gaps + 1;
  return { gaps: count, meanMs: meanMs + (gapMs - meanMs) * Math.max(newestWeight, 1 / count) };
}

/** A stream as the estimate reads it. */
export interface GappedStream {
  readonly streamGaps: StreamGaps;
  readonly lastChunkAtMs: number;
}

/**
 * What the streams of one endpoint tell of its time per token: each of them samples the length of the engine's steps.
 *
 *     time per token = q₀.₃ of the streams' mean gaps / tokens a chunk
 *
 * Tokens a chunk are what complete streams report, else what the engine's counter of tokens says of each request that it runs.
 *
 * A silence that lasts longer than usual counts before it is over: of one stream when others have chunks, of all of them with the time.
 */
export class TokenGaps {
  readonly #streams = new LinkedList<GappedStream>();
  #lastChunkAtMs = Number.NEGATIVE_INFINITY;
  #tokensPerChunk = 1;
  #usageAtMs = Number.NEGATIVE_INFINITY;
  #finishedMs: number | undefined;
  #finishedAtMs = Number.NEGATIVE_INFINITY;
  /** Of the streams as they are; undefined is not computed since the last chunk. */
  #gapMs: number | 'none' | undefined;

  /** Whether a stream runs that shows steps. */
  get anyStream(): boolean {
    return this.#streams.size > 0;
  }

  /** Tokens that a chunk brings, as it is believed: 1 where nothing told more; above that with speculative decoding. */
  get tokensPerChunk(): number {
    return this.#tokensPerChunk;
  }

  /** A stream begins; what is returned ends it. */
  add(stream: GappedStream): ListNode<GappedStream> {
    this.#gapMs = undefined;
    return this.#streams.add(stream);
  }

  remove(node: ListNode<GappedStream>): void {
    this.#gapMs = undefined;
    this.#streams.remove(node);
  }

  /** A chunk of one of the streams came. */
  recordChunk(nowMs: number): void {
    this.#gapMs = undefined;
    this.#lastChunkAtMs = nowMs;
  }

  /** What a complete stream says: speculative decoding sends several tokens in a chunk. */
  recordStream(tokens: number, chunks: number, nowMs: number): void {
    if (!(tokens >= 1) || chunks < gapsToCount || tokens > chunks * mostTokensPerChunk) return;
    this.#usageAtMs = nowMs;
    this.#learnTokensPerChunk(tokens / chunks);
  }

  /** What the engine's own counter says, where streams do not. Prompts that it computed meanwhile make its tokens fewer, never more. */
  recordGenerated({ tokens, durationMs, running }: GeneratedTokens, nowMs: number): void {
    this.#gapMs ??= this.#quantile();
    if (this.#gapMs === 'none' || nowMs - this.#usageAtMs < usageCountsMs) return;
    if (tokens < fewestPageTokens || durationMs <= 0 || running < 1) return;
    const perChunk = this.#gapMs * (tokens / (durationMs * running));
    this.#learnTokensPerChunk(perChunk < 1 + leastSurplus ? 1 : Math.min(mostTokensPerChunk, perChunk));
  }

  #learnTokensPerChunk(perChunk: number): void {
    this.#tokensPerChunk += (Math.max(1, perChunk) - this.#tokensPerChunk) * newestWeight;
  }

  /** Time per token of a request that was not streamed, without that of its prompt. Derived: the mean spans about the last five. */
  recordFinished(msPerToken: number, nowMs: number): void {
    const isFresh = nowMs - this.#finishedAtMs < finishedCountsMs;
    this.#finishedMs = isFresh && this.#finishedMs ? this.#finishedMs * 0.8 + msPerToken * 0.2 : msPerToken;
    this.#finishedAtMs = nowMs;
  }

  /** Milliseconds between two chunks of the streams that run; 0 while none shows it. */
  get chunkGapMs(): number {
    this.#gapMs ??= this.#quantile();
    return this.#gapMs === 'none' ? 0 : this.#gapMs;
  }

  /** Milliseconds per token just now; undefined when nothing tells. */
  tpotMs(nowMs: number): number | undefined {
    this.#gapMs ??= this.#quantile();
    if (this.#gapMs === 'none') {
      return nowMs - this.#finishedAtMs < finishedCountsMs ? this.#finishedMs : undefined;
    }
    const silenceMs = Math.max(0, nowMs - this.#lastChunkAtMs - this.#gapMs);
    return (this.#gapMs + silenceMs * newestWeight) / this.#tokensPerChunk;
  }

  #quantile(): number | 'none' {
    const means: number[] = [];
    for (const { streamGaps, lastChunkAtMs } of this.#streams) {
      if (streamGaps.gaps < gapsToCount) continue;
      const silenceMs = Math.max(0, this.#lastChunkAtMs - lastChunkAtMs - streamGaps.meanMs);
      means.push(streamGaps.meanMs + silenceMs * newestWeight);
    }
    means.sort((a, b) => a - b);
    return means[Math.floor((means.length - 1) * quantile)] ?? 'none';
  }
}
