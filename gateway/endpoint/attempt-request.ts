import type { Slo } from '../slo.ts';
import type { WorkClass } from '../work-class.ts';
import type { AttemptOutcome, HealthVerdict } from './health/ejection.ts';
import type { PromptBlocks } from './prefix/prompt-blocks.ts';

/** What an attempt must know of its request. */
export interface AttemptRequest {
  readonly workClass: WorkClass;
  readonly priority: number;
  /** Its answer is streamed. */
  readonly stream: boolean;
  /** Its answer has tokens that are generated; otherwise the model only reads. */
  readonly generates: boolean;
  /** Estimated. */
  readonly promptTokens: number;
  readonly promptBlocks: PromptBlocks;
  readonly arrivedAtMs: number;
  readonly slo: Slo;
}

/** Told what becomes of an attempt. */
export interface AttemptListener<Attempt> {
  /** Its endpoint declined the request; true where the answer is not for the client. */
  declined(attempt: Attempt): boolean;
  /** The first byte of an answer that is for the client. */
  answered(attempt: Attempt): void;
  /** What its end says of its endpoint, in view of the request's other attempt; undefined while that one is still to tell. */
  judged(attempt: Attempt, outcome: AttemptOutcome, verdict: HealthVerdict): HealthVerdict | undefined;
  /** Once, when its place is free again and all is learned from it. */
  attemptEnded(attempt: Attempt, outcome: AttemptOutcome, nowMs: number): void;
  /** Its endpoint needs the place for a higher priority: the request is to be stopped. */
  evicted(attempt: Attempt): void;
}
