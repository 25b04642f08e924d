import type { Placement } from './endpoint/attempt.ts';
import type { Endpoint } from './endpoint/endpoint.ts';
import type { PromptBlocks } from './endpoint/prefix/prompt-blocks.ts';
import type { QueueingCost } from './queue/queueing-cost.ts';
import type { PromisedSlo } from './slo.ts';
import type { WorkClass } from './work-class.ts';

/** What a request is to the router, whatever front brought it. */
export interface RoutingRequest extends PromisedSlo {
  /** Names it where a choice is explained, and in log lines. */
  readonly id: string;
  readonly model: string;
  /** The fairness id; empty where it brings none. */
  readonly tenant: string;
  readonly priority: number;
  readonly workClass: WorkClass;
  /** Its answer is streamed. */
  readonly stream: boolean;
  /** Estimated from its size. */
  readonly promptTokens: number;
  readonly promptBlocks: PromptBlocks;
  /** As it limits them; undefined where it does not. */
  readonly maxOutputTokens: number | undefined;
  /** Of its body. */
  readonly sizeBytes: number;
}

/** A request on its way to an endpoint, as the queue holds it. One of `place`, `expire` and `displace` is called, once. */
export interface QueueItem {
  readonly request: RoutingRequest;
  readonly cost: QueueingCost;
  /** What it waits for, while it does: an endpoint, or any of its model's. The queue's own. */
  queueKey: string;
  /** It failed there, and goes to another endpoint as long as there is one. */
  readonly failedAt: Endpoint | undefined;
  /** Calls its timeout off while it waits; the queue's own. */
  cancelTimeout?: (() => void) | undefined;
  /** It has its place. */
  place(placement: Placement): void;
  /** The wait is over without a place. */
  expire(): void;
  /** It is the one too many of its tenant. */
  displace(): void;
}
