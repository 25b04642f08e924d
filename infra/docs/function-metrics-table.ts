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

/** The Markdown table of the function's metrics under our names. The label `pool`, which all have, is left out. */
export function functionMetricsTable(): string {
  const metrics = registeredMetrics().filter(({ name }) => !isLlmDAsync(name));
  const rows = metrics.map(({ name, type, help, labelNames }) => {
    const labels = labelNames.filter((label) => label !== 'pool').map(code);
    return [code(name), type, labels.join(', '), help];
  });
  return markdownTable(['metric', 'type', 'more labels', 'meaning'], rows);
}

/** The Markdown table of the metrics that the function has under llm-d-async's names too. */
export function llmDAsyncMetricsTable(): string {
  const metrics = registeredMetrics().filter(({ name }) => isLlmDAsync(name));
  const rows = metrics.map(({ name, type, help, labelNames }) => [
    code(name),
    type,
    labelNames.map(code).join(', '),
    help.replaceAll(/async_\w+/g, code),
  ]);
  return markdownTable(["llm-d-async's metric", 'type', 'labels', 'ours'], rows);
}

function isLlmDAsync(name: string): boolean {
  return name.startsWith('llm_d_async_');
}

/** As the function's own registry has them. */
function registeredMetrics(): readonly RegisteredMetric[] {
  const functionMetrics = new FunctionMetrics();
  functionMetrics.watch([], () => 0, monotonicClock);
  return functionMetrics.registry.getMetricsAsArray() as unknown as readonly RegisteredMetric[];
}
