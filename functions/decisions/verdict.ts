import type { Admittance } from './breaker.ts';
import type { GateState } from './gate.ts';
import type { Allowance } from './limit.ts';

/** What a message's pool looks like at one instant. */
export interface Sight {
  readonly nowMs: number;
  /** A retry's `retry_at`, 0 when there is none. */
  readonly notBeforeMs: number;
  /** Undefined until it has been seen once. */
  readonly gate: GateState | undefined;
  /** When the gate will be seen anew. */
  readonly nextReadingAtMs: number;
  /** What an unknown capacity means. */
  readonly whenUnknown: 'open' | 'closed' | 'probe';
  /** Until when the gateway itself asked to be left alone. */
  readonly shedUntilMs: number;
  readonly inFlight: number;
  readonly allowance: Allowance;
  /** The breaker of the path, then those of the topics. */
  readonly breakers: readonly Admittance[];
}

export type Reason = 'free' | 'saturated' | 'unknown' | 'asleep' | 'shed' | 'limit' | 'breaker' | 'too-early' | 'full';

export type Verdict =
  | { readonly action: 'dispatch'; readonly reason: 'free' | 'unknown' }
  /** `untilMs`: when to look again, where only time can change it; otherwise an event will. */
  | { readonly action: 'wait'; readonly reason: Reason; readonly untilMs?: number }
  | { readonly action: 'defer'; readonly reason: Reason };

/** Whether a message may be dispatched now. The tightest rule wins. */
export function judge(sight: Sight): Verdict {
  if (sight.notBeforeMs > sight.nowMs) return { action: 'wait', reason: 'too-early', untilMs: sight.notBeforeMs };
  const refusing = sight.breakers.find(({ admit }) => admit === 'no');
  if (refusing?.admit === 'no') return waitFor('breaker', refusing.untilMs);
  if (sight.shedUntilMs > sight.nowMs) return waitFor('shed', sight.shedUntilMs);
  if (sight.gate === 'saturated' || sight.gate === 'asleep') return waitFor(sight.gate, sight.nextReadingAtMs);
  if (sight.inFlight >= sight.allowance.calls) return waitFor('limit', sight.allowance.untilMs);
  if (sight.gate === undefined) return waitFor('unknown');
  if (sight.gate === 'open') return { action: 'dispatch', reason: 'free' };
  const blocked = sight.whenUnknown === 'closed' || (sight.whenUnknown === 'probe' && sight.inFlight > 0);
  return blocked ? waitFor('unknown', sight.nextReadingAtMs) : { action: 'dispatch', reason: 'unknown' };
}

function waitFor(reason: Reason, untilMs?: number): Verdict {
  return { action: 'wait', reason, ...(untilMs === undefined ? {} : { untilMs }) };
}
