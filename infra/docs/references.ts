import { functionSchema } from '../../functions/processor/config.ts';
import { gatewaySchema } from '../../gateway/config.ts';
import { referenceTable } from '../../shared/runtime/config/reference.ts';
import { metricsTable } from './metrics-table.ts';

const tables: Readonly<Record<string, string>> = {
  'function variables': referenceTable(functionSchema),
  'gateway variables': referenceTable(gatewaySchema),
  'gateway metrics': metricsTable(),
};

/** The text with each generated table put between its marks: `<!-- NAME -->` and `<!-- end -->`. */
export function withReferences(readme: string): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const begin = `<!-- ${name} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf('<!-- end -->', from);
    if (from < 0 || to < 0) throw new Error(`README.md has no place for the ${name}: ${begin} … <!-- end -->`);
    return `${text.slice(0, from + begin.length)}\n${table}\n${text.slice(to)}`;
  }, readme);
}
