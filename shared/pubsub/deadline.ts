import { later, type UnixMs } from '../runtime/clock.ts';

/** Pub/Sub keeps a message no longer. Protocol: contract §1. */
const longestMs = 31 * 24 * 3600 * 1000;
/** The year 5138: more is milliseconds by mistake. Protocol: contract §1. */
const mostSeconds = 100_000_000_000;

/** The instant of a deadline that is written in unix seconds, at most 31 days after the first publish; or what is wrong with it. */
export function readDeadline(seconds: number, firstPublishedAtMs: UnixMs): UnixMs | { readonly fault: string } {
  if (!Number.isFinite(seconds)) return { fault: 'deadline must be finite unix seconds' };
  if (seconds <= 0) return { fault: 'deadline must be unix seconds above 0' };
  if (seconds > mostSeconds) {
    return { fault: 'deadline must be at most 100,000,000,000 in unix seconds (not milliseconds)' };
  }
  return Math.min(seconds * 1000, later(firstPublishedAtMs, longestMs)) as UnixMs;
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
