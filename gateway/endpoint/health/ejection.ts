/** How an attempt ended. */
export type AttemptOutcome =
  /** The whole answer came, whatever its status. */
  | 'complete'
  /** Its head came, and the rest passed where it was not seen: it may have been cut, and teaches nothing but its status. */
  | 'unseen'
  /** It answered with a status that another endpoint may better, and the answer is not for the client. */
  | 'declined'
  /** The connection failed once it was made, before the answer or within it. */
  | 'broken'
  /** No connection was made. */
  | 'unreachable'
  /** No first byte in time, or too long a silence within the answer. */
  | 'timed_out'
  /** The client left or did not read, or the gateway stopped it: it says nothing of the endpoint. */
  | 'abandoned';

/** What the end of an attempt says about its endpoint. */
export type HealthVerdict = 'well' | 'failed' | 'timed_out' | 'declined' | 'nothing';

/** Why an endpoint gets no requests for a time. */
export type EjectionReason = (typeof ejectionReasons)[number];
/** Why an endpoint may be ejected, as metrics and log lines name it. */
export const ejectionReasons = ['consecutive_failures', 'first_byte_timeouts', 'error_share', 'health'] as const;

/** Derived: they may be the fault of one client's requests, or of the endpoint. */
const declining: ReadonlySet<number> = new Set([401, 403, 404, 405]);

/** How an attempt ended, as health must know it. */
export interface EndedAttempt {
  readonly outcome: AttemptOutcome;
  /** Of the answer; 0 where it had not begun. */
  readonly status: number;
  /** The answer says that the engine is full. */
  readonly full?: boolean;
}

/**
 * Only what the endpoint did counts: not a 4xx of the client's making, nor an attempt that was abandoned. One that refuses connections
 * is out of use for that by itself. A full engine is not a broken one. 401, 403, 404 and 405 prove nothing, since one client's
 * requests may all be worth them, but an endpoint that answers every request so would always be the one with the most room.
 */
export function verdictOn({ outcome, status, full = false }: EndedAttempt): HealthVerdict {
  if (outcome === 'broken') return 'failed';
  if (outcome === 'timed_out') return status > 0 ? 'failed' : 'timed_out';
  if (outcome !== 'complete' && outcome !== 'unseen' && outcome !== 'declined') return 'nothing';
  if (status >= 500) return full ? 'nothing' : 'failed';
  if (declining.has(status)) return 'declined';
  return status >= 200 && status < 300 ? 'well' : 'nothing';
}

/** Requests that ended lately, and how many of them the endpoint failed; older ones fade. */
export interface Tally {
  readonly requests: number;
  readonly failures: number;
}

/** What an endpoint's recent requests say of it. */
export interface RecentRecord extends Tally {
  /** Since the last one that went well. */
  readonly failuresInARow: number;
  /** Of those, requests that never saw a first byte. */
  readonly timeoutsInARow: number;
  readonly atMs: number;
}

/** Of an endpoint that has had no requests. */
export const noRecord: RecentRecord = { requests: 0, failures: 0, failuresInARow: 0, timeoutsInARow: 0, atMs: 0 };

/** How fast the past fades. Derived: ten requests within it suffice to judge an endpoint of one request in three seconds. */
const memoryMs = 30_000;
/** Protocol: Envoy's outlier detection, `consecutive_5xx`. */
const mostFailuresInARow = 5;
/** Fewer: each of them has cost a client the whole timeout. Derived: one alone may be the request's own, and two a coincidence. */
const mostTimeoutsInARow = 3;
/** A share says nothing with fewer requests than that. Derived: three failures of ten are the share below. */
const fewestRequests = 10;
/** Derived: retries elsewhere hide a smaller share from clients. */
const largestFailureShare = 0.3;
/**
 * An endpoint is to blame when its share of failures is this many times that of the others. Derived: with ten requests chance alone makes
 * twice as many.
 */
const timesTheOthers = 3;
/** Where the others fail at this share too, it is the requests, or what is behind all of them. Derived: more than half of a pool is never ejected. */
const commonFailureShare = 0.5;

/** The record after one more attempt has ended; one that tells nothing leaves it as it is. */
export function nextRecord(record: RecentRecord, verdict: HealthVerdict, nowMs: number): RecentRecord {
  if (verdict === 'nothing' || verdict === 'declined') return record;
  const { requests, failures } = faded(record, nowMs);
  const failed = verdict !== 'well';
  return {
    requests: requests + 1,
    failures: failures + (failed ? 1 : 0),
    failuresInARow: failed ? record.failuresInARow + 1 : 0,
    timeoutsInARow: verdict === 'timed_out' ? record.timeoutsInARow + 1 : failed ? record.timeoutsInARow : 0,
    atMs: nowMs,
  };
}

/** Requests and failures as they count now: e^(−t/30 s) of each. Changes nothing. */
export function faded({ requests, failures, atMs }: RecentRecord, nowMs: number): Tally {
  const weight = Math.exp((atMs - nowMs) / memoryMs);
  return { requests: requests * weight, failures: failures * weight };
}

/** Why an endpoint with this record should be ejected, in view of how the others do; undefined where it should not. */
export function faultOf(record: RecentRecord, others: Tally): EjectionReason | undefined {
  const theirs = others.requests >= mostFailuresInARow ? shareOf(others) : 0;
  if (theirs >= commonFailureShare) return undefined;
  if (record.timeoutsInARow >= mostTimeoutsInARow) return 'first_byte_timeouts';
  if (record.failuresInARow >= mostFailuresInARow) return 'consecutive_failures';
  if (record.requests < fewestRequests) return undefined;
  const own = shareOf(record);
  return own >= largestFailureShare && own >= timesTheOthers * theirs ? 'error_share' : undefined;
}

function shareOf({ requests, failures }: Tally): number {
  return requests > 0 ? failures / requests : 0;
}

/** Endpoints of a pool that may be ejected at once: half, rounded down. */
export function mostEjected(poolSize: number): number {
  return Math.floor(poolSize / 2);
}

/** Derived: short, since a single probe ends it. */
const firstEjectionMs = 2000;
/** Derived: a model server that restarts takes minutes, and a probe a minute is soon enough. */
const longestEjectionMs = 60_000;

/** How long it gets nothing, until one request probes it; longer each time that it fails again. */
export function ejectionMs(timesInARow: number): number {
  return Math.min(longestEjectionMs, firstEjectionMs * 2 ** (timesInARow - 1));
}

/** Derived: the usual period of reading. */
const firstPauseMs = 250;
/** Derived: five failures in a row end in an ejection, which takes over. */
const longestPauseMs = 4000;

/** How long others are preferred to an endpoint whose last requests failed: what fails fast always has room. */
export function pauseAfterFailureMs(failuresInARow: number): number {
  return failuresInARow === 0 ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** (failuresInARow - 1));
}

/** So with one that says it is full, for as long as it asks for. */
export function pauseWhenFullMs(retryAfterSeconds: number): number {
  if (!(retryAfterSeconds > 0)) return firstPauseMs;
  return Math.min(longestPauseMs, Math.max(firstPauseMs, retryAfterSeconds * 1000));
}
