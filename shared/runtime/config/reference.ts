import type { Schema } from './read-config.ts';

/** The Markdown table of a schema, as docs/configuration.md shows it. */
export function referenceTable(schema: Schema): string {
  const rows = Object.values(schema).map((variable) => {
    const byDefault = variable.required
      ? 'required'
      : variable.default === undefined
        ? 'none'
        : `\`${variable.default}\``;
    return `| \`${variable.name}\` | ${byDefault} | ${variable.meaning.replaceAll('|', '\\|')} |`;
  });
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}
