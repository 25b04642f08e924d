import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { markdownTable } from '../../infra/docs/markdown-table.ts';
import { withBlock } from '../../infra/docs/marked-block.ts';

const root = resolve(import.meta.dirname, '../..');
const page = resolve(root, 'docs/measured.md');

/** One table of a report: its rows are known by name before they are measured. */
export class MeasuredTable {
  readonly #caption: string;
  readonly #head: readonly string[];
  readonly #rows: Map<string, readonly string[] | undefined>;

  constructor(caption: string, head: readonly string[], names: readonly string[]) {
    this.#caption = caption;
    this.#head = head;
    this.#rows = new Map(names.map((name) => [name, undefined]));
  }

  /** A row, printed as it is measured. @throws {Error} where the table has no row of that name */
  row(name: string, ...cells: readonly string[]): void {
    if (!this.#rows.has(name)) throw new Error(`the table has no row ${name}`);
    this.#rows.set(name, cells);
    const texts = cells.map((cell, index) => `${this.#head[index + 1]}: ${cell}`);
    process.stdout.write(`${name}: ${texts.join('; ')}\n`);
  }

  get missing(): readonly string[] {
    return [...this.#rows].filter(([, cells]) => cells === undefined).map(([name]) => name);
  }

  get markdown(): string {
    const rows = [...this.#rows].map(([name, cells = []]) => [name, ...cells]);
    return `${this.#caption}\n\n${markdownTable(this.#head, rows)}`;
  }
}

/** What one command measures, as it stands in docs/measured.md. */
export class MeasuredReport {
  readonly #command: string;
  readonly #tables: readonly MeasuredTable[];

  /** @param command what prints it, and the name of its place in the page */
  constructor(command: string, tables: readonly MeasuredTable[]) {
    this.#command = command;
    this.#tables = tables;
  }

  /** Puts it into the page, where all of its rows were measured; otherwise says why the page keeps what it has. */
  write(): void {
    const missing = this.#tables.flatMap((table) => table.missing);
    if (missing.length > 0) {
      process.stdout.write(`docs/measured.md is left as it was: not measured: ${missing.join(', ')}\n`);
      return;
    }
    const tables = this.#tables.map((table) => table.markdown).join('\n\n');
    const block = `\`${this.#command}\`${commit()}:\n\n${tables}\n`;
    writeFileSync(page, withBlock(readFileSync(page, 'utf8'), this.#command, block));
    process.stdout.write('docs/measured.md has this report now\n');
  }
}

/** What was measured, where git can tell. */
function commit(): string {
  const git = (...args: readonly string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const { status, stdout } = git('rev-parse', '--short', 'HEAD');
  if (status !== 0) return '';
  const isChanged = git('diff', '--quiet', 'HEAD', '--', '.', ':!docs').status !== 0;
  return `, at commit ${stdout.trim()}${isChanged ? ' and changes that were not committed' : ''}`;
}
