/** Time to the first token of one chat turn. */
export interface TtftSample {
  readonly ttftMs: number;
  /** Whether async requests were in flight when the turn began. */
  readonly besideAsync: boolean;
}

export interface TtftFigures {
  readonly turns: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** NaN quantiles without a sample. */
export function ttftFigures(samples: readonly TtftSample[]): TtftFigures {
  const sorted = samples.map(({ ttftMs }) => ttftMs).sort((a, b) => a - b);
  return { turns: sorted.length, p50Ms: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
}

/** The smallest value that at least the share `q` of them does not exceed. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
