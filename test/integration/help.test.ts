import { execFileSync, spawnSync } from 'node:child_process';
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

function backfill(args: readonly string[], script?: string) {
  const env = { ...process.env, npm_lifecycle_event: script };
  return spawnSync(process.execPath, ['infra/cli/main.ts', ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: 20_000,
  });
}

test.each([
  ['backfill', 'npm run backfill -- '],
  [undefined, 'backfill '],
])('run as %s, backfill --help lists its commands, and each has its own help', (script, calledAs) => {
  const help = backfill(['--help'], script);
  expect([help.status, help.stdout]).toEqual([0, expect.stringContaining(`Usage: ${calledAs}COMMAND`)]);
  const names = [...help.stdout.matchAll(/^ {2}(\w+) {2,}\S/gm)].map((row) => row[1] ?? '');
  expect(names).toContain('submit');
  for (const name of names) {
    const own = backfill([name, '--help'], script);
    expect([own.status, own.stdout]).toEqual([0, expect.stringContaining(`Usage: ${calledAs}${name}`)]);
  }
});

test('run as npm run submit, its help says so', () => {
  expect(backfill(['submit', '--help'], 'submit').stdout).toContain('Usage: npm run submit -- FILE');
});

test('without a command, or with one that does not exist, backfill names those that do', () => {
  for (const args of [[], ['sumbit', 'x']]) {
    const { status, stdout, stderr } = backfill(args);
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining('  submit ')]);
  }
  expect(backfill(['sumbit']).stderr).toContain('there is no command "sumbit"');
});
