import { earliest, later, type UnixMs } from '../runtime/clock.ts';
import { isDecimal } from './message-attributes.ts';
import { readWindow } from './window.ts';

/** Pub/Sub keeps a message no longer. Protocol: contract §1. */
const longestMs = 31 * 24 * 3600 * 1000;
/** The year 5138: more is milliseconds by mistake. Protocol: contract §1. */
const mostSeconds = 100_000_000_000;

/** What one place of a message, its body or its attributes, says of its deadline; `undefined` is absent. */
export interface DeadlineFields {
  /** Unix seconds: a number, or a decimal text. */
  readonly deadline?: unknown;
  /** A duration from the first publish. */
  readonly window?: unknown;
}

/**
 * The instant that `deadline` or `window` of one place name, the earlier of the two where both are there; undefined where neither is; or
 * what is wrong with one of them. Protocol: contract §1.
 */
export function deadlineOf(
  { deadline, window }: DeadlineFields,
  firstPublishedAtMs: UnixMs,
): UnixMs | undefined | { readonly fault: string } {
  const ends: UnixMs[] = [];
  if (deadline !== undefined) {
    const isText = typeof deadline === 'string' && isDecimal(deadline);
    if (typeof deadline !== 'number' && !isText) {
      return { fault: 'deadline must be unix seconds, as a JSON number or a decimal text' };
    }
    const atMs = readDeadline(Number(deadline), firstPublishedAtMs);
    if (typeof atMs !== 'number') return atMs;
    ends.push(atMs);
  }
  if (window !== undefined) {
    const windowMs = readWindow(typeof window === 'string' ? window : '');
    if (typeof windowMs !== 'number') return windowMs;
    ends.push(later(firstPublishedAtMs, windowMs));
  }
  return ends.length === 0 ? undefined : earliest(...ends);
}

/** The instant of a deadline that is written in unix seconds, at most 31 days after the first publish; or what is wrong with it. */
function readDeadline(seconds: number, firstPublishedAtMs: UnixMs): UnixMs | { readonly fault: string } {
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
