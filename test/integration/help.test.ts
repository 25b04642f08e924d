import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

test.each([
  ['infra/build/main.ts', 'Writes the deployed form'],
  ['infra/docs/main.ts', 'Writes the tables of variables'],
  ['test/sim/main.ts', 'routing'],
  ['test/bench/main.ts', 'gateway'],
  ['functions/processor/main.ts', 'Takes LLM requests'],
  ['gateway/main.ts', 'Routes LLM requests'],
])('%s --help says what it does and does nothing', (script, text) => {
  const help = execFileSync(process.execPath, [script, '--help'], { cwd: root, encoding: 'utf8', timeout: 20_000 });
  expect(help).toContain(text);
  expect(help).toContain('Usage: npm run');
});
