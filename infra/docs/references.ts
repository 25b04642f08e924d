import { functionSchema } from '../../functions/processor/config.ts';
import { gatewaySchema } from '../../gateway/config.ts';
import { referenceTable } from '../../shared/runtime/config/reference.ts';
import { functionMetricsTable, llmDAsyncMetricsTable } from './function-metrics-table.ts';
import { gatewayMetricsTable } from './gateway-metrics-table.ts';
import { withBlock } from './marked-block.ts';
import { retryTimetable } from './retry-timetable.ts';

/** Page, from the project's root → name of a table → the table. */
const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docs/configuration.md': {
    'function variables': referenceTable(functionSchema),
    'gateway variables': referenceTable(gatewaySchema),
  },
  'docs/metrics.md': {
    'function metrics': functionMetricsTable(),
    'llm-d-async metrics': llmDAsyncMetricsTable(),
    'gateway metrics': gatewayMetricsTable(),
  },
  'docs/life-of-a-message.md': { 'retry timetable': retryTimetable() },
};

/** The pages that hold generated tables. */
export const generatedPages: readonly string[] = Object.keys(tables);

/**
 * The page's text with each of its generated tables put between its marks: `<!-- NAME -->` and `<!-- end -->`.
 * @throws {Error} when the page has no place for one of them
 */
export function withReferences(page: string, text: string): string {
  return Object.entries(tables[page] ?? {}).reduce((before, [name, table]) => withBlock(before, name, table), text);
}
