import { later, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';

/**
 * Whether something that messages depend on (a pool's path, a topic) is out for all of them. Closed, it remembers which messages failed
 * in a row; open, it lets one probe through at a time, the rarer the longer it has been open.
 */
export type Breaker =
  | { readonly state: 'closed'; readonly failedInARow: readonly string[] }
  | {
      readonly state: 'open';
      readonly openedAtMs: MonotonicMs;
      readonly probeAtMs: MonotonicMs;
      /** The message that probes now. */
      readonly probing: string | undefined;
      /** Messages that failed here, the newest last. Bounded, like the tenants: pushes name both. */
      readonly failed: readonly string[];
      /** Tenants that have probed, the one whose turn came last at the end. */
      readonly probed: readonly string[];
    };

/** What a breaker needs to know of a message that would probe. */
export interface ProbeCandidate {
  readonly message: string;
  readonly tenant: string;
  /** An attempt of it has failed, here or in another instance. */
  readonly hasFailed: boolean;
}

/** What one message's use of it tells: it works, it does not, or nothing. */
export type BreakerHealth = 'well' | 'sick' | 'unsaid';

/** Whether a message may use it now. */
export type BreakerAdmittance =
  | { readonly admit: 'freely' | 'as-probe' }
  /** `untilMs` is absent while another message probes: its end decides. */
  | { readonly admit: 'no'; readonly untilMs?: MonotonicMs };

/** Protocol: contract §3, as the tenth of the time below. */
const shortestIntervalMs = 1000;
/** Protocol: contract §3. */
const longestIntervalMs = 30_000;
/** More than probes go out in an hour. Derived: at an interval of 30 s 120 go out in an hour. */
const maxRemembered = 256;

/** How every breaker begins. */
export const closed: Breaker = Object.freeze({ state: 'closed', failedInARow: [] });

/** Whether this message may use it now. Changes nothing. */
export function admittance(breaker: Breaker, message: string, nowMs: MonotonicMs): BreakerAdmittance {
  if (breaker.state === 'closed') return { admit: 'freely' };
  if (breaker.probing === message) return { admit: 'as-probe' };
  if (breaker.probing !== undefined) return { admit: 'no' };
  return nowMs >= breaker.probeAtMs ? { admit: 'as-probe' } : { admit: 'no', untilMs: breaker.probeAtMs };
}

/**
 * Whose turn it is to probe: the candidate with the lowest number. Tenants take turns, so that one whose messages fail for reasons of
 * their own costs the others one interval; within a tenant those go first that have not failed, and last the one that failed last. Undefined
 * where the breaker is closed.
 */
export function probeTurn(breaker: Breaker, { message, tenant, hasFailed }: ProbeCandidate): number | undefined {
  if (breaker.state === 'closed') return undefined;
  const isLast = breaker.failed.at(-1) === message;
  const within = isLast ? 2 : Number(hasFailed || breaker.failed.includes(message));
  return 3 * (breaker.probed.indexOf(tenant) + 1) + within;
}

/** The breaker after a message was admitted. */
export function began(breaker: Breaker, message: string, tenant: string): Breaker {
  if (breaker.state === 'closed') return breaker;
  return { ...breaker, probing: message, probed: withLast(breaker.probed, tenant) };
}

/** The breaker after a message's use has ended. `threshold`: how many distinct messages in a row open it. */
export function ended(
  breaker: Breaker,
  message: string,
  health: BreakerHealth,
  threshold: number,
  nowMs: MonotonicMs,
): Breaker {
  if (health === 'well') return closed;
  if (breaker.state === 'open') return probeEnded(breaker, message, health, nowMs);
  if (health === 'unsaid' || breaker.failedInARow.includes(message)) return breaker;
  const failedInARow = [...breaker.failedInARow, message];
  if (failedInARow.length < threshold) return { state: 'closed', failedInARow };
  return {
    state: 'open',
    openedAtMs: nowMs,
    probeAtMs: later(nowMs, shortestIntervalMs),
    probing: undefined,
    failed: failedInARow,
    probed: [],
  };
}

function probeEnded(
  breaker: Breaker & { state: 'open' },
  message: string,
  health: BreakerHealth,
  nowMs: MonotonicMs,
): Breaker {
  if (breaker.probing !== message) return breaker;
  if (health === 'unsaid') return { ...breaker, probing: undefined };
  const tenthMs = msBetween(breaker.openedAtMs, nowMs) / 10;
  const intervalMs = Math.min(longestIntervalMs, Math.max(shortestIntervalMs, tenthMs));
  return {
    ...breaker,
    probeAtMs: later(nowMs, intervalMs),
    probing: undefined,
    failed: withLast(breaker.failed, message),
  };
}

function withLast(names: readonly string[], last: string): readonly string[] {
  return [...names.filter((name) => name !== last), last].slice(-maxRemembered);
}
