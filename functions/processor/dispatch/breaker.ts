import { later, type MonotonicMs } from '../../../shared/runtime/clock.ts';

/**
 * Whether something that messages depend on (a pool's path, a topic) is out for all of them. Closed, it remembers which messages failed
 * in a row; open, it lets one probe through at a time, each with another message, at growing intervals.
 */
export type Breaker =
  | { readonly state: 'closed'; readonly failedInARow: readonly string[] }
  | {
      readonly state: 'open';
      readonly intervalMs: number;
      readonly probeAtMs: MonotonicMs;
      /** The message that probes now. */
      readonly probing: string | undefined;
      readonly lastProbe: string | undefined;
    };

/** What one message's use of it tells: it works, it does not, or nothing. */
export type BreakerHealth = 'well' | 'sick' | 'unsaid';

/** Whether a message may use it now. */
export type BreakerAdmittance =
  | { readonly admit: 'freely' | 'as-probe' }
  /** `untilMs` is absent while another message probes: its end decides. */
  | { readonly admit: 'no'; readonly untilMs?: MonotonicMs };

/** Protocol: contract §3, as the intervals below. */
const firstIntervalMs = 1000;
const longestIntervalMs = 30_000;

/** How every breaker begins. */
export const closed: Breaker = Object.freeze({ state: 'closed', failedInARow: [] });

/** Whether this message may use it now. Changes nothing. */
export function admittance(breaker: Breaker, message: string, nowMs: MonotonicMs): BreakerAdmittance {
  if (breaker.state === 'closed') return { admit: 'freely' };
  if (breaker.probing === message) return { admit: 'as-probe' };
  if (breaker.probing !== undefined) return { admit: 'no' };
  // The message that probed last may itself be what is wrong. It probes again only where no other came for the longest interval.
  const isLast = breaker.lastProbe === message;
  const fromMs = isLast ? later(breaker.probeAtMs, longestIntervalMs) : breaker.probeAtMs;
  return nowMs >= fromMs ? { admit: 'as-probe' } : { admit: 'no', untilMs: fromMs };
}

/** The breaker after a message was admitted. */
export function began(breaker: Breaker, message: string): Breaker {
  return breaker.state === 'open' ? { ...breaker, probing: message } : breaker;
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
    intervalMs: firstIntervalMs,
    probeAtMs: later(nowMs, firstIntervalMs),
    probing: undefined,
    lastProbe: undefined,
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
  const intervalMs = Math.min(longestIntervalMs, breaker.intervalMs * 2);
  return { state: 'open', intervalMs, probeAtMs: later(nowMs, intervalMs), probing: undefined, lastProbe: message };
}
