import type { UnixMs } from '../runtime/clock.ts';

const longestMs = 31 * 24 * 3600 * 1000;

/** The instant of a deadline that is written in unix seconds, or what is wrong with it. */
export function readDeadline(seconds: number, publishedAtMs: UnixMs): UnixMs | { readonly fault: string } {
  if (!Number.isFinite(seconds)) return { fault: 'deadline must be finite unix seconds' };
  if (seconds <= 0) return { fault: 'deadline must be unix seconds above 0' };
  const atMs = seconds * 1000;
  if (atMs - publishedAtMs > longestMs) {
    return { fault: 'deadline must be at most 31 days after the publish, in unix seconds (not milliseconds)' };
  }
  return atMs as UnixMs;
}

/** A request expires at its deadline, not after it. */
export function isExpired(deadlineAtMs: UnixMs, nowMs: UnixMs): boolean {
  return deadlineAtMs <= nowMs;
}

/** Kept at the end of a push for publishing what came of it. Protocol: contract §3, "Time". */
export const publishReserveMs = 20_000;

/** What bounds the time of one call, in milliseconds. */
export interface CallTime {
  readonly requestTimeoutMs: number;
  readonly ackDeadlineMs: number;
  /** Since the push arrived. */
  readonly spentMs: number;
  /** To the message's deadline. */
  readonly leftMs: number;
}

/** How long a call may take, so that the function gives up before Pub/Sub does. At 0 and below there is no time for one. */
export function callTimeoutMs({ requestTimeoutMs, ackDeadlineMs, spentMs, leftMs }: CallTime): number {
  return Math.floor(Math.min(requestTimeoutMs, leftMs, ackDeadlineMs - spentMs - publishReserveMs));
}
