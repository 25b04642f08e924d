/** Events of one stream. */
export const chunksPerStream = 64;
/** A stream gets one event in this time. */
export const chunkEveryMs = 4;

/** What the load generator is told, as JSON in its one argument. */
export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  readonly durationMs: number;
  /** Events that each answer has to hold; absent: answers are no streams. */
  readonly events?: number;
  /** Requests a second, sent when they are due; absent: each connection sends its next when it has its answer. */
  readonly rate?: number;
}

/** What it prints. */
export interface LoadResult {
  /** Answers of 200 that were whole; the times are theirs. */
  readonly answered: number;
  /** Other answers, connections that were lost, and requests that were due with no connection free. */
  readonly failed: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
