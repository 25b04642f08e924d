import { type ServiceLevel, usualServiceLevel } from '../slo.ts';

/** What a request is worth in the queue, and what it was promised. */
export interface QueueingCost {
  readonly arrivedAtMs: number;
  /** Arrival plus the TTFT that was promised; the arrival alone where none was. */
  readonly deadlineAtMs: number;
  /** Tokens that it is expected to cost, prompt and answer, at least 1: what tenants take turns by. An answer counts as the usual one, or as it is limited lower. */
  readonly work: number;
  readonly sizeBytes: number;
  /** The promise, or what is usual. */
  readonly slo: ServiceLevel;
}

export interface QueueingCostRequest {
  readonly promptTokens: number;
  readonly maxOutputTokens: number | undefined;
  readonly sizeBytes: number;
  readonly ttftSloMs: number | undefined;
  readonly tpotSloMs: number | undefined;
  readonly missBudget: number | undefined;
}

/** About the mean of chats. */
export const usualOutputTokens = 200;

export function queueingCostOf(request: QueueingCostRequest, arrivedAtMs: number): QueueingCost {
  const { promptTokens, maxOutputTokens = usualOutputTokens, sizeBytes, ttftSloMs, tpotSloMs, missBudget } = request;
  return {
    arrivedAtMs,
    deadlineAtMs: arrivedAtMs + (ttftSloMs ?? 0),
    work: Math.max(1, promptTokens + Math.min(maxOutputTokens, usualOutputTokens)),
    sizeBytes,
    slo: {
      ttftMs: ttftSloMs ?? usualServiceLevel.ttftMs,
      tpotMs: tpotSloMs ?? usualServiceLevel.tpotMs,
      missBudget: missBudget ?? usualServiceLevel.missBudget,
    },
  };
}
