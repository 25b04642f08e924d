import { parsePrometheusText } from '../../../../shared/telemetry/prometheus-text.ts';

export interface FunctionFigures {
  /** Deliveries that Pub/Sub was told to make again. */
  readonly nacked: number;
  /** How often the gate did not let a message through at once, by reason. */
  readonly deferred: Readonly<Record<string, number>>;
}

export const noFunctionFigures: FunctionFigures = { nacked: 0, deferred: {} };

/** Reads what the summary shows from the function's metrics. */
export function readFunctionFigures(page: string): FunctionFigures {
  let nacked = 0;
  const deferred: Record<string, number> = {};
  for (const { name, labels, value } of parsePrometheusText(page)) {
    if (name === 'async_deliveries_total' && labels.status !== '204') nacked += value;
    if (name === 'async_gate_decisions_total' && labels.verdict !== 'dispatch') {
      const reason = labels.reason ?? '';
      deferred[reason] = (deferred[reason] ?? 0) + value;
    }
  }
  return { nacked, deferred };
}
