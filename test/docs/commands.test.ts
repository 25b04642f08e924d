import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPages, root } from '../support/markdown-page.ts';
import { until } from '../support/poll.ts';

/** Blocks of pages that begin with this after their fence are run: as they stand, or against a stack that was started before. */
const blocks = [...readPages().values()].flatMap(({ path, codeBlocks }) =>
  codeBlocks.filter(({ info }) => /^sh run( stack)?$/.test(info)).map(({ info, text }) => ({ path, info, text })),
);
const plain = blocks.filter(({ info }) => info === 'sh run');
const onStack = blocks.filter(({ info }) => info === 'sh run stack');

/** Several npm scripts in a block take minutes on a machine that is busy with other things. */
const timeout = 180_000;

/** What the block prints. Rejects with what it says on standard error when one of its commands fails. */
async function run(text: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const options = { cwd: root, env: { ...process.env, ...env }, timeout };
  return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', text], options)).stdout;
}

test('no block is marked in a way that is not run', () => {
  const marked = [...readPages().values()].flatMap(({ codeBlocks }) => codeBlocks.filter(({ info }) => / /.test(info)));
  expect(marked).toHaveLength(plain.length + onStack.length);
});

test.each(plain)('$path: $text', { timeout }, async ({ text }) => {
  expect(await run(text)).not.toBe('');
});

describe('with the local stack running', { timeout }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'backfill-docs-test-'));
  const sample = join(folder, 'sample.jsonl');
  let stack: ChildProcess;
  let output = '';

  beforeAll(async () => {
    writeFileSync(sample, '{"model":"sim","max_tokens":1,"messages":[]}\n');
    const flags = ['--users', '0', '--alone-seconds', '0', '--sample', sample, '--out', join(folder, 'out.jsonl')];
    stack = spawn(process.execPath, ['infra/local/stack/main.ts', ...flags], { cwd: root });
    for (const stream of [stack.stdout, stack.stderr]) stream?.on('data', (text: Buffer) => (output += text));
    const isUp = (): boolean => {
      if (stack.exitCode !== null) throw new Error(`the stack ended:\n${output}`);
      return output.includes('until Ctrl-C');
    };
    await until(isUp, { what: 'the stack', timeoutMs: timeout });
  }, timeout);

  afterAll(async () => {
    const exited = new Promise((ended) => stack.once('exit', ended));
    stack.kill('SIGINT');
    await exited;
    rmSync(folder, { recursive: true });
  }, timeout);

  test.each(onStack)('$path: $text', async ({ text }) => {
    const printed = await run(text, {
      GATEWAY: /gateway +(http:\S+)/.exec(output)?.[1] ?? '',
      PUBSUB_EMULATOR_HOST: /PUBSUB_EMULATOR_HOST=(\S+)/.exec(output)?.[1] ?? '',
      GOOGLE_CLOUD_PROJECT: 'local',
    });
    expect(printed).toContain('choices');
  });
});
