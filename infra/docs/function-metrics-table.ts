import { FunctionMetrics } from '../../functions/processor/observe/metrics.ts';
import { monotonicClock } from '../../shared/runtime/clock.ts';
import { code, markdownTable } from './markdown-table.ts';

/** What each metric of prom-client holds. Its declarations name neither the type nor the labels. */
interface RegisteredMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** The Markdown table of the function's metrics, read from its own registry. The label `pool`, which all have, is left out. */
export function functionMetricsTable(): string {
  const functionMetrics = new FunctionMetrics();
  functionMetrics.watch([], monotonicClock);
  const metrics = functionMetrics.registry.getMetricsAsArray() as unknown as readonly RegisteredMetric[];
  const rows = metrics.map(({ name, type, help, labelNames }) => {
    const labels = labelNames.filter((label) => label !== 'pool').map(code);
    return [code(name), type, labels.join(', '), help];
  });
  return markdownTable(['metric', 'type', 'more labels', 'meaning'], rows);
}
