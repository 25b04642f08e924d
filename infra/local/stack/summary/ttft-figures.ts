/** What a chat user waited for in one turn. */
export interface TurnTimes {
  readonly ttftMs: number;
  /** Mean time of each token after the first; 0 where there is but one. */
  readonly tpotMs: number;
}

/** One turn of a chat. */
export interface TtftSample extends TurnTimes {
  /** Whether async requests were in flight when the turn began. */
  readonly besideAsync: boolean;
}

/** TTFTs of some turns together. */
export interface TtftFigures {
  readonly turns: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Turns that missed the promise of real-time work. */
  readonly missed: number;
}

/** Protocol: contract §7, what an objective promises that names no target. */
export const promised: TurnTimes = { ttftMs: 1000, tpotMs: 50 };

/** NaN quantiles without a sample. */
export function ttftFigures(samples: readonly TtftSample[]): TtftFigures {
  const sorted = samples.map(({ ttftMs }) => ttftMs).sort((a, b) => a - b);
  const missed = samples.filter(({ ttftMs, tpotMs }) => ttftMs > promised.ttftMs || tpotMs > promised.tpotMs).length;
  return { turns: sorted.length, missed, p50Ms: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
}

/** The smallest value that at least the share `q` of them does not exceed. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
