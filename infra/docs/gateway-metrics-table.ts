import { counters, gauges, histograms, own, type Twin } from '../../gateway/observe/metric-definitions.ts';
import { code, markdownTable } from './markdown-table.ts';

/** The Markdown table of the gateway's own metrics, from their definitions. */
export function gatewayMetricsTable(): string {
  const rows = [
    ...twinRows('counter', counters),
    ...twinRows('histogram', histograms),
    ...twinRows('gauge', gauges),
    ...Object.values(own).map(({ name, type, labels, help }) => [
      code(name),
      type,
      labels.map((label) => code(label)).join(', '),
      help,
    ]),
  ];
  return markdownTable(['metric', 'type', 'labels', 'meaning'], rows);
}

function twinRows(type: string, twins: Readonly<Record<string, Twin>>): string[][] {
  return Object.values(twins).map(({ older, newer, olderLabels, newerLabels, help }) => {
    const [before = '', now = ''] = [olderLabels, newerLabels].map((labels) => labels.map(code).join(', '));
    const labels = before === now ? now : `${before}; newer: ${now}`;
    return [`${code(older)}, newer: ${code(newer)}`, type, labels, help];
  });
}
