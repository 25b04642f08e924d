import { parsePrometheusText } from '../../../../shared/runtime/prometheus-text.ts';

/** What the function's metrics tell. */
export interface FunctionFigures {
  /** Deliveries that Pub/Sub was told to make again. */
  readonly nacked: number;
  /** How often the gate did not let a message through at once, by reason. */
  readonly deferred: Readonly<Record<string, number>>;
  /** Capacity sources that have data. */
  readonly sources: readonly string[];
  /** How often the gate closed, by the source that it was read from. */
  readonly closed: Readonly<Record<string, number>>;
}

/** Before any reading. */
export const noFunctionFigures: FunctionFigures = { nacked: 0, deferred: {}, sources: [], closed: {} };

/** Reads what the summary shows from the function's metrics. */
export function readFunctionFigures(page: string): FunctionFigures {
  let nacked = 0;
  const deferred: Record<string, number> = {};
  const closed: Record<string, number> = {};
  const sources: string[] = [];
  const add = (counts: Record<string, number>, key: string | undefined, value: number) => {
    counts[key ?? ''] = (counts[key ?? ''] ?? 0) + value;
  };
  for (const { name, labels, value } of parsePrometheusText(page)) {
    if (name === 'async_deliveries_total' && labels.status !== '204') nacked += value;
    if (name === 'async_gate_decisions_total' && labels.verdict !== 'dispatch') add(deferred, labels.reason, value);
    if (name === 'async_gate_changes_total' && /^(saturated|asleep)$/.test(labels.gate ?? '')) {
      add(closed, labels.source, value);
    }
    if (name === 'async_capacity_source_available' && value === 1) sources.push(labels.source ?? '');
  }
  return { nacked, deferred, sources, closed };
}
