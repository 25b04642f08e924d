import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import type { Admittance } from './breaker.ts';
import type { GateState } from './gate.ts';
import type { Quota } from './limit.ts';

/** What a message's pool looks like at one instant. */
export interface GateInputs {
  readonly nowMs: MonotonicMs;
  /** When a retry may be tried again; `longAgo` when the message is none. */
  readonly notBeforeMs: MonotonicMs;
  /** Until when the message may wait. */
  readonly giveUpAtMs: MonotonicMs;
  /** Undefined until it has been seen since somebody began to look. */
  readonly gate: GateState | undefined;
  /** As it was seen last, for who cannot wait until it is seen anew. */
  readonly lastGate: GateState;
  /** When the gate will be seen anew. */
  readonly nextReadingAtMs: MonotonicMs;
  /** What an unknown capacity means. */
  readonly whenUnknown: 'open' | 'closed' | 'probe';
  /** Until when the gateway itself asked to be left alone. */
  readonly shedUntilMs: MonotonicMs;
  readonly inFlight: number;
  readonly quota: Quota;
  /** The breaker of the path, then those of the topics. */
  readonly breakers: readonly Admittance[];
}

export type Reason = 'free' | 'saturated' | 'unknown' | 'asleep' | 'shed' | 'limit' | 'breaker' | 'too-early' | 'full';

export type Verdict =
  | { readonly action: 'dispatch'; readonly reason: 'free' | 'unknown' }
  /** `untilMs`: when to look again, where only time can change it; otherwise an event will. */
  | { readonly action: 'wait'; readonly reason: Reason; readonly untilMs?: MonotonicMs }
  | { readonly action: 'defer'; readonly reason: Reason };

/** Whether a message may be dispatched now. The tightest rule wins. */
export function judge(sight: GateInputs): Verdict {
  if (sight.notBeforeMs > sight.nowMs) return { action: 'wait', reason: 'too-early', untilMs: sight.notBeforeMs };
  const refusing = sight.breakers.find(({ admit }) => admit === 'no');
  if (refusing?.admit === 'no') return waitFor('breaker', refusing.untilMs);
  if (sight.shedUntilMs > sight.nowMs) return waitFor('shed', sight.shedUntilMs);
  const gate = sight.gate ?? (sight.nowMs >= sight.giveUpAtMs ? sight.lastGate : undefined);
  if (gate === 'saturated' || gate === 'asleep') return waitFor(gate, sight.nextReadingAtMs);
  if (sight.inFlight >= sight.quota.calls) return waitFor('limit', sight.quota.untilMs);
  if (gate === undefined) return waitFor('unknown');
  if (gate === 'open') return { action: 'dispatch', reason: 'free' };
  const blocked = sight.whenUnknown === 'closed' || (sight.whenUnknown === 'probe' && sight.inFlight > 0);
  return blocked ? waitFor('unknown', sight.nextReadingAtMs) : { action: 'dispatch', reason: 'unknown' };
}

function waitFor(reason: Reason, untilMs?: MonotonicMs): Verdict {
  return { action: 'wait', reason, ...(untilMs === undefined ? {} : { untilMs }) };
}
