import { functionSchema } from '../../functions/processor/config.ts';
import { gatewaySchema } from '../../gateway/config.ts';
import { referenceTable } from '../../shared/runtime/config/reference.ts';
import { functionMetricsTable } from './function-metrics-table.ts';
import { gatewayMetricsTable } from './gateway-metrics-table.ts';
import { retryTimetable } from './retry-timetable.ts';

/** Page, from the project's root → name of a table → the table. */
const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docs/configuration.md': {
    'function variables': referenceTable(functionSchema),
    'gateway variables': referenceTable(gatewaySchema),
  },
  'docs/metrics.md': {
    'function metrics': functionMetricsTable(),
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
  return Object.entries(tables[page] ?? {}).reduce((before, [name, table]) => {
    const begin = `<!-- ${name} -->`;
    const from = before.indexOf(begin);
    const to = before.indexOf('<!-- end -->', from);
    if (from < 0 || to < 0) throw new Error(`${page} has no place for the ${name}: ${begin} … <!-- end -->`);
    return `${before.slice(0, from + begin.length)}\n${table}\n${before.slice(to)}`;
  }, text);
}
