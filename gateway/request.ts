import type { ApiRoute } from '../shared/openai/api-routes.ts';
import type { PromptSize } from './admit/prompt-size.ts';
import type { Endpoint } from './endpoint/endpoint.ts';
import type { Placement } from './endpoint/placement.ts';
import type { PromptBlocks } from './endpoint/prefix/prompt-blocks.ts';
import type { QueueingCost } from './queue/queueing-cost.ts';
import type { PromisedSlo } from './slo.ts';
import type { WorkClass } from './work-class.ts';

/** What a request is to the router, whatever front brought it. */
export interface RoutingRequest extends PromisedSlo {
  /** Names it where a choice is explained, and in log lines. */
  readonly id: string;
  readonly route: ApiRoute;
  readonly model: string;
  /** As its client calls the model; absent where that is the model's own name. */
  readonly askedModel?: string | undefined;
  /** `host:port` of the endpoints that it may go to; undefined where it may go to any. */
  readonly subset?: ReadonlySet<string> | undefined;
  /** The fairness id; empty where it brings none. */
  readonly tenant: string;
  /** The name of its priority. */
  readonly objective: string;
  readonly priority: number;
  readonly workClass: WorkClass;
  /** Its answer is streamed. */
  readonly stream: boolean;
  readonly promptSize: PromptSize;
  /** How many answers it asks for, at least 1. */
  readonly answersAsked: number;
  /** Estimated from its size. */
  readonly promptTokens: number;
  readonly promptBlocks: PromptBlocks;
  /** As it limits them; undefined where it does not. */
  readonly maxOutputTokens: number | undefined;
  /** Of its body. */
  readonly sizeBytes: number;
  /** Of sheddable work: from its arrival to its deadline, infinite where it names none; undefined of any other. It orders the queue. */
  readonly leftMs?: number | undefined;
  /** The longest it may wait in the queue, as it or its objective says; undefined where neither does. */
  readonly queueTtlMs: number | undefined;
  /** 32 hexadecimal digits; undefined where it belongs to no trace. */
  readonly traceId: string | undefined;
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

/** What an item waits for. */
export interface Wait {
  readonly queueKey: string;
  /** In how many milliseconds there is room by itself, as far as that is known. */
  readonly roomInMs: number | undefined;
  /**
   * In how many milliseconds any endpoint has room for work of the item's class, whatever it waits for, or may be made to have some;
   * undefined where that is not known. Above 0 there is nothing to be had for any item of its class.
   */
  readonly anyRoomInMs: number | undefined;
}
