import type { ApiRoute } from '../../shared/openai/api-routes.ts';
import { usualOutputTokens } from '../endpoint/latency/step-load.ts';
import { type PromisedSlo, type Slo, sloOf } from '../slo.ts';

/** What decides a request's turn in the queue. */
export interface QueueingCost {
  readonly arrivedAtMs: number;
  /** Arrival plus the TTFT that was promised; the arrival alone where none was. Of sheddable work, arrival plus the time left. */
  readonly deadlineAtMs: number;
  /** Tokens that it is expected to cost, prompt and answer, at least 1: what tenants take turns by. */
  readonly work: number;
  /** Of its body. */
  readonly sizeBytes: number;
  readonly slo: Slo;
}

/** What of a request its cost in the queue follows from. */
export interface QueueingCostRequest extends PromisedSlo {
  readonly route: Pick<ApiRoute, 'generates'>;
  readonly promptTokens: number;
  /** At least 1. */
  readonly answersAsked: number;
  readonly maxOutputTokens: number | undefined;
  readonly sizeBytes: number;
  readonly leftMs?: number | undefined;
}

/** work = prompt tokens + answers · min(output limit, usual answer). A model that only reads has no tokens to generate. */
export function queueingCostOf(request: QueueingCostRequest, arrivedAtMs: number): QueueingCost {
  const {
    route,
    promptTokens,
    answersAsked,
    maxOutputTokens = usualOutputTokens,
    sizeBytes,
    ttftSloMs,
    leftMs,
  } = request;
  const outputTokens = route.generates ? answersAsked * Math.min(maxOutputTokens, usualOutputTokens) : 0;
  return {
    arrivedAtMs,
    deadlineAtMs: arrivedAtMs + (leftMs ?? ttftSloMs ?? 0),
    work: Math.max(1, promptTokens + outputTokens),
    sizeBytes,
    slo: sloOf(request),
  };
}
