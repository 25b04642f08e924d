import { counters, gauges, histograms, own, type Twin } from '../../gateway/observe/metric-definitions.ts';

/** The Markdown table of the gateway's own metrics, as the README shows it. */
export function metricsTable(): string {
  const rows = [
    ...twinRows('counter', counters),
    ...twinRows('histogram', histograms),
    ...twinRows('gauge', gauges),
    ...Object.values(own).map(({ name, type, labels, help }) =>
      row(code(name), type, labels.map(code).join(', '), help),
    ),
  ];
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function twinRows(type: string, twins: Readonly<Record<string, Twin>>): readonly string[] {
  return Object.values(twins).map(({ older, newer, olderLabels, newerLabels, help }) => {
    const [before, now] = [olderLabels, newerLabels].map((labels) => labels.map(code).join(', '));
    const labels = before === now ? `${now}` : `${before}; newer: ${now}`;
    return row(`${code(older)}, newer: ${code(newer)}`, type, labels, help);
  });
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function code(name: string): string {
  return `\`${name}\``;
}
