import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import type { BreakerAdmittance } from './breaker.ts';
import type { GateState } from './gate.ts';
import type { CallQuota } from './limit.ts';

/** What a message and its pool look like at one instant. */
export interface GateInputs {
  readonly nowMs: MonotonicMs;
  /** When a retry may be tried again; `longAgo` when the message is none. */
  readonly notBeforeMs: MonotonicMs;
  /** Until when the message may wait. */
  readonly giveUpAtMs: MonotonicMs;
  /** Undefined until the load has been read since messages began to ask. */
  readonly gate: GateState | undefined;
  /** By the last reading, for a message that cannot wait until the load is read anew. */
  readonly lastGate: GateState;
  /** When the load may be read again; `never` while it is being read. */
  readonly nextReadingAtMs: MonotonicMs;
  /** What an unknown load means: `probe` lets one call at a time through. */
  readonly whenUnknown: 'open' | 'closed' | 'probe';
  /** Until when the gateway itself asked to be left alone. */
  readonly shedUntilMs: MonotonicMs;
  /** Calls of the pool that are under way. */
  readonly inFlight: number;
  readonly quota: CallQuota;
  /** The breaker of the path, then those of the topics. */
  readonly breakers: readonly BreakerAdmittance[];
}

/** Protocol: contract §8, `async_gate_decisions_total`. */
export type GateReason =
  | 'free'
  | 'saturated'
  | 'unknown'
  | 'asleep'
  | 'shed'
  | 'limit'
  | 'breaker'
  | 'too-early'
  | 'full'
  | 'paused';

/** Why a message is called with the escalation objective. */
export interface Escalation {
  /** Milliseconds to its deadline. */
  readonly leftMs: number;
  /** What it needs at the pace of others. */
  readonly neededMs: number;
  /** What would have become of it: it would wait for this, or go with the usual objective where it is `free` or `unknown`. */
  readonly heldBy: GateReason;
}

/** The message may call now. */
export interface DispatchVerdict {
  readonly action: 'dispatch';
  readonly reason: 'free' | 'unknown';
  /** It goes with the escalation objective. */
  readonly escalation?: Escalation;
}

/** What is to be done with a message now. */
export type GateVerdict =
  | DispatchVerdict
  /** `untilMs`: when to judge again, where time alone can change it; absent where only an event can. */
  | { readonly action: 'wait'; readonly reason: GateReason; readonly untilMs?: MonotonicMs }
  | { readonly action: 'defer'; readonly reason: GateReason };

/**
 * Whether a message may be dispatched now. The tightest rule wins, in this order: a retry's time, breakers, shed, gate, limit, and what an
 * unknown load means.
 */
export function judge(inputs: GateInputs): GateVerdict {
  const { nowMs, notBeforeMs, giveUpAtMs, shedUntilMs, nextReadingAtMs, whenUnknown, inFlight, quota } = inputs;
  if (notBeforeMs > nowMs) return waitFor('too-early', notBeforeMs);
  const refusing = inputs.breakers.find(({ admit }) => admit === 'no');
  if (refusing?.admit === 'no') return waitFor('breaker', refusing.untilMs);
  if (shedUntilMs > nowMs) return waitFor('shed', shedUntilMs);
  const gate = inputs.gate ?? (nowMs >= giveUpAtMs ? inputs.lastGate : undefined);
  if (gate === 'saturated' || gate === 'asleep') return waitFor(gate, nextReadingAtMs);
  if (inFlight >= quota.calls) return waitFor('limit', quota.untilMs);
  if (gate === undefined) return waitFor('unknown');
  if (gate === 'open') return { action: 'dispatch', reason: 'free' };
  const isBlocked = whenUnknown === 'closed' || (whenUnknown === 'probe' && inFlight > 0);
  return isBlocked ? waitFor('unknown', nextReadingAtMs) : { action: 'dispatch', reason: 'unknown' };
}

function waitFor(reason: GateReason, untilMs?: MonotonicMs): GateVerdict {
  return { action: 'wait', reason, ...(untilMs === undefined ? {} : { untilMs }) };
}
