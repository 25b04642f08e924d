import { later, type MonotonicMs } from '../../../shared/runtime/clock.ts';

/**
 * Whether a thing on which messages depend (a pool's path, a topic) is out for everyone. Closed, it remembers which messages failed in a
 * row; open, it lets one probe through at a time, each with another message, at growing intervals.
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

/** What a message's use of it said: it works, it does not, or nothing. */
export type BreakerHealth = 'well' | 'sick' | 'unsaid';

export type BreakerAdmittance =
  | { readonly admit: 'freely' | 'as-probe' }
  /** `untilMs` is absent while another message probes: its end decides. */
  | { readonly admit: 'no'; readonly untilMs?: MonotonicMs };

const firstIntervalMs = 1000;
const longestIntervalMs = 30_000;

export const closed: Breaker = Object.freeze({ state: 'closed', failedInARow: [] });

export function admittance(breaker: Breaker, message: string, nowMs: MonotonicMs): BreakerAdmittance {
  if (breaker.state === 'closed') return { admit: 'freely' };
  if (breaker.probing === message) return { admit: 'as-probe' };
  if (breaker.probing !== undefined) return { admit: 'no' };
  // The last prober may be what is wrong. It gets another turn only where no other message came for a whole interval.
  const isLast = breaker.lastProbe === message;
  const fromMs = isLast ? later(breaker.probeAtMs, longestIntervalMs) : breaker.probeAtMs;
  return nowMs >= fromMs ? { admit: 'as-probe' } : { admit: 'no', untilMs: fromMs };
}

/** After a message was admitted. */
export function began(breaker: Breaker, message: string): Breaker {
  return breaker.state === 'open' ? { ...breaker, probing: message } : breaker;
}

/** After a message's use ended. `threshold`: how many distinct messages in a row open it. */
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
