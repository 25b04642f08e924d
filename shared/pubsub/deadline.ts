const longestMs = 31 * 24 * 3600 * 1000;

/** Unix milliseconds of a deadline in unix seconds, or what is wrong with it. */
export function readDeadline(seconds: number, publishedAtMs: number): number | { readonly fault: string } {
  if (!Number.isFinite(seconds)) return { fault: 'deadline must be finite unix seconds' };
  if (seconds <= 0) return { fault: 'deadline must be unix seconds above 0' };
  const atMs = seconds * 1000;
  if (atMs - publishedAtMs > longestMs) {
    return { fault: 'deadline must be at most 31 days after the publish, in unix seconds (not milliseconds)' };
  }
  return atMs;
}

export function isExpired(deadlineAtMs: number, nowMs: number): boolean {
  return deadlineAtMs <= nowMs;
}

/** Kept at the end of a push for publishing what came of it. */
export const publishReserveMs = 20_000;

export interface CallTime {
  readonly requestTimeoutMs: number;
  readonly ackDeadlineMs: number;
  readonly arrivedAtMs: number;
  readonly deadlineAtMs: number;
  readonly nowMs: number;
}

/** How long a call may take: the function gives up before Pub/Sub does. Not above 0: there is no time for one. */
export function callTimeoutMs(time: CallTime): number {
  const spentMs = time.nowMs - time.arrivedAtMs;
  return Math.floor(
    Math.min(time.requestTimeoutMs, time.deadlineAtMs - time.nowMs, time.ackDeadlineMs - spentMs - publishReserveMs),
  );
}
