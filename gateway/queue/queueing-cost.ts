import { usualOutputTokens } from '../endpoint/latency/step-load.ts';
import { type PromisedSlo, type Slo, sloOf } from '../slo.ts';

/** What decides a request's turn in the queue. */
export interface QueueingCost {
  readonly arrivedAtMs: number;
  /** Arrival plus the TTFT that was promised; the arrival alone where none was. */
  readonly deadlineAtMs: number;
  /** Tokens that it is expected to cost, prompt and answer, at least 1: what tenants take turns by. */
  readonly work: number;
  /** Of its body. */
  readonly sizeBytes: number;
  readonly slo: Slo;
}

export interface QueueingCostRequest extends PromisedSlo {
  readonly promptTokens: number;
  readonly maxOutputTokens: number | undefined;
  readonly sizeBytes: number;
}

/** work = prompt tokens + min(output limit, usual answer). */
export function queueingCostOf(request: QueueingCostRequest, arrivedAtMs: number): QueueingCost {
  const { promptTokens, maxOutputTokens = usualOutputTokens, sizeBytes, ttftSloMs } = request;
  return {
    arrivedAtMs,
    deadlineAtMs: arrivedAtMs + (ttftSloMs ?? 0),
    work: Math.max(1, promptTokens + Math.min(maxOutputTokens, usualOutputTokens)),
    sizeBytes,
    slo: sloOf(request),
  };
}
