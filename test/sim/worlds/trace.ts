export const traceNames = ['conversation', 'code', 'prefixes'] as const;
export type TraceName = (typeof traceNames)[number];

/** One request as it was recorded. */
export interface TraceRow {
  readonly atMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Prefix blocks of 512 tokens; equal where the prompts are up to there. None where nothing was recorded of them. */
  readonly prefixIds: readonly number[];
}
