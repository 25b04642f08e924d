import type { MonotonicMs, UnixMs } from '../../../shared/runtime/clock.ts';
import type { ListNode } from '../../../shared/runtime/linked-list.ts';
import type { ProbeCandidate } from './breaker.ts';
import type { CallKind } from './call-times.ts';
import type { DispatchPool } from './dispatch-pool.ts';
import type { Permit } from './permit.ts';
import type { Escalation, GateReason } from './verdict.ts';

/** A message that wants a call. */
export interface CallRequest extends ProbeCandidate, CallKind {
  /** Messages of one subscription share its places. */
  readonly subscription: string;
  /** How they are handled. Subscriptions that have the same are lanes of one producer, as far as they bring the same tenant. */
  readonly policy: object;
  readonly pool: DispatchPool;
  /** Topics that must work for the message to be worth a call. */
  readonly topics: readonly string[];
  /** Calls of the pool at once, as far as this subscription goes; at least 1. */
  readonly maxInFlight: number;
  /** When its push came, or the time of a retry that came early. */
  readonly arrivedAtMs: MonotonicMs;
  /** Failed so far, at least 0. */
  readonly attemptsFailed: number;
  /** There is an objective for it that no gate holds. */
  readonly hasEscalation: boolean;
  /** When a retry may be tried again; `longAgo` when the message is none. */
  readonly notBeforeMs: MonotonicMs;
  readonly deadlineAtMs: UnixMs;
  /** From its first publish to its deadline. */
  readonly windowMs: number;
  /** Until when the message may wait. */
  readonly giveUpAtMs: MonotonicMs;
  readonly sizeBytes: number;
  /** Aborted when the message is to wait no longer. */
  readonly signal: AbortSignal;
}

/** Hardly a call like it was lately as fast as what is left; or, in overload, it would have to wait with too little. Durations in milliseconds. */
export interface UnreachableOutcome {
  readonly got: 'unreachable';
  readonly leftMs: number;
  readonly fastestMs: number;
  readonly isOverload: boolean;
}

/** How a message's wait for a call ended. */
export type AdmissionOutcome =
  | { readonly got: 'permit'; readonly permit: Permit; readonly escalation?: Escalation }
  | { readonly got: 'deferred'; readonly reason: GateReason }
  | { readonly got: 'expired' }
  | UnreachableOutcome
  | { readonly got: 'aborted' };

/** A message that waits for its call. */
export interface WaitingCall {
  readonly request: CallRequest;
  readonly settle: (outcome: AdmissionOutcome) => void;
  /**
   * Let go of its timer and of its signal. In a list: a property that gets another function each time keeps, until V8's next full collection,
   * all that the functions hold.
   */
  readonly watches: (() => void)[];
  /** Among all that wait. */
  place: ListNode<WaitingCall> | undefined;
}
