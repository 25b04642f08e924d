import { LinkedList, type ListMember, type ListNode } from '../../../shared/runtime/linked-list.ts';

/** Weight of a stream's newest gap: its mean spans about the last sixteen. */
const newestWeight = 1 / 16;
/** A stream speaks for the engine after so many gaps. */
const gapsToCount = 4;
/** Of several streams the one at this quantile: parsers that hold tokens back make gaps longer, never shorter. */
const quantile = 0.3;
/** Time per token of finished requests, where no stream runs, counts for so long. */
const finishedCountsMs = 5000;
/** All streams are looked at at most so often, whatever the number of those who ask. */
const readEveryMs = 20;

/** What the streams of one endpoint tell of its time per token: each of them samples the length of its steps. */
export class TokenGaps {
  readonly #streams = new LinkedList<StreamGaps>();
  #tokensPerChunk = 1;
  #finishedMs: number | undefined;
  #finishedAtMs = Number.NEGATIVE_INFINITY;
  #readMs: number | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;

  open(): StreamGaps {
    return new StreamGaps(this.#streams);
  }

  /** What a complete answer says: speculative decoding sends several tokens in a chunk. */
  recordStream(tokens: number, chunks: number): void {
    if (tokens < 1 || chunks < gapsToCount) return;
    this.#tokensPerChunk += (Math.max(1, tokens / chunks) - this.#tokensPerChunk) * newestWeight;
  }

  /** Time per token of a request that was not streamed, without that of its prompt. */
  recordFinished(msPerToken: number, nowMs: number): void {
    const isFresh = nowMs - this.#finishedAtMs < finishedCountsMs;
    this.#finishedMs = isFresh && this.#finishedMs ? this.#finishedMs * 0.8 + msPerToken * 0.2 : msPerToken;
    this.#finishedAtMs = nowMs;
  }

  /** Milliseconds per token just now; undefined when nothing tells. */
  tpotMs(nowMs: number): number | undefined {
    if (nowMs - this.#readAtMs >= readEveryMs) {
      this.#readMs = this.#read(nowMs);
      this.#readAtMs = nowMs;
    }
    return this.#readMs;
  }

  #read(nowMs: number): number | undefined {
    const means: number[] = [];
    for (const stream of this.#streams) {
      const mean = stream.meanMs(nowMs);
      if (mean !== undefined) means.push(mean);
    }
    if (means.length === 0) return nowMs - this.#finishedAtMs < finishedCountsMs ? this.#finishedMs : undefined;
    means.sort((a, b) => a - b);
    return (means[Math.floor((means.length - 1) * quantile)] ?? 0) / this.#tokensPerChunk;
  }
}

/** The chunks of one stream. */
export class StreamGaps implements ListMember<StreamGaps> {
  node: ListNode<StreamGaps> | undefined;
  readonly #streams: LinkedList<StreamGaps>;
  #lastAtMs: number | undefined;
  #gaps = 0;
  #meanMs = 0;

  constructor(streams: LinkedList<StreamGaps>) {
    this.#streams = streams;
    streams.add(this);
  }

  saw(nowMs: number): void {
    if (this.#lastAtMs !== undefined) {
      this.#gaps += 1;
      this.#meanMs += (nowMs - this.#lastAtMs - this.#meanMs) * Math.max(newestWeight, 1 / this.#gaps);
    }
    this.#lastAtMs = nowMs;
  }

  /** A silence that lasts longer than usual counts before it is over. */
  meanMs(nowMs: number): number | undefined {
    if (this.#gaps < gapsToCount || this.#lastAtMs === undefined) return undefined;
    return this.#meanMs + Math.max(0, nowMs - this.#lastAtMs - this.#meanMs) * newestWeight;
  }

  close(): void {
    this.#streams.delete(this);
  }
}
