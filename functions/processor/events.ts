import type { RequestName } from '../../shared/pubsub/request.ts';
import type { UnixMs } from '../../shared/runtime/clock.ts';
import type { CallClass } from './call/answer.ts';
import type { GateReading } from './dispatch/capacity-gate.ts';
import type { Escalation, GateVerdict } from './dispatch/verdict.ts';
import type { ResultSummary } from './results/result.ts';
import type { RetrySummary } from './results/retry.ts';

/** What the work on a message is counted by. The configuration bounds both: a push cannot make more of them. */
export interface WorkLabels {
  /** The pool's name. */
  readonly pool: string;
  /** Id of the subscription that brought the message first, where `SUBSCRIPTIONS_FILE` names it; else empty. */
  readonly queue: string;
}

/**
 * What a processor tells of its work, each thing once and in the order in which it happens. It does the same whether anything listens.
 * `pool` is the pool's name, a label that the configuration bounds. None of it holds a prompt or an answer.
 */
export interface ProcessorEvents {
  /** A message may go, begins to wait, or goes back to Pub/Sub. */
  judged(pool: string, verdict: GateVerdict): void;
  /** A call has ended; `status` of its answer, undefined where there is none. */
  called(labels: WorkLabels, callClass: CallClass, durationMs: number, status: number | undefined): void;
  /** A message is called with the escalation objective for the first time in its delivery. */
  escalated(pool: string, request: RequestName, objective: string, escalation: Escalation): void;
  /** Escalation pauses, since real-time work misses more than its budget, or goes on. Told after each reading of the load, where there is an objective for it. */
  escalationPaused(pool: string, isPaused: boolean): void;
  /** Pub/Sub has confirmed a request's result. */
  answered(labels: WorkLabels, result: ResultSummary, nowMs: UnixMs): void;
  /** The result of a message that came again was published again. */
  replayed(pool: string, request: RequestName): void;
  /** The control document has other rules. */
  controlChanged(rules: number): void;
  /** The control document cannot be read, and its last rules stay in force. */
  controlUnreadable(fault: string): void;
  /** Pub/Sub has confirmed the retry of a failed attempt. */
  retried(labels: WorkLabels, retry: RetrySummary): void;
  /** Pub/Sub has not confirmed a result, a retry or a dead letter in time. */
  unpublished(pool: string, request: RequestName, error: unknown): void;
  /** A message goes back to Pub/Sub, and costs no attempt. */
  givenBack(pool: string, request: RequestName, status: number, why: string): void;
  /** There is no credential for the gateway. */
  credentialFailed(pool: string, error: unknown): void;
  /** A delivery met an error that no rule foresees. */
  crashed(error: unknown): void;
  /** A push is answered; 499 where Pub/Sub had hung up. */
  delivered(pool: string, status: number): void;
  /** A path of a pool, or a topic (then `pool` is empty), fails for every message, or works again. */
  breakerChanged(pool: string, scope: string, isOpen: boolean): void;
  /** The load was read, and the gate has learned from it. */
  capacityRead(pool: string, read: GateReading): void;
}
