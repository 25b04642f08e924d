import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { until } from '../../support/poll.ts';

const module = resolve(import.meta.dirname, '../../../shared/runtime/logger.ts');
/** More than a pipe holds, written when told to, and the end right behind it. */
const lines = 3000;
const script = `
  import { createLogger, exitLogged } from ${JSON.stringify(module)};
  const log = createLogger('info', 'test');
  process.once('SIGUSR2', () => {
    for (let line = 1; line <= ${lines}; line += 1) log.info({ line }, 'x'.repeat(100));
    void exitLogged(7);
  });
  setInterval(() => undefined, 1000);
  process.stderr.write('up');
`;
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
});

describe('a process that ends', () => {
  test('leaves no line unwritten', async () => {
    const { stdout, exited } = await end();
    const written: string[] = [];
    stdout.setEncoding('utf8').on('data', (text: string) => written.push(text));
    expect(await exited).toBe(7);
    const numbers = written
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { line: number }).line);
    expect(numbers).toEqual(Array.from({ length: lines }, (_, index) => index + 1));
  });

  test('does so when nobody can read its log any more', async () => {
    const { exited } = await end(({ stdout }) => stdout?.destroy());
    expect(await exited).toBe(7);
  });

  test('does so when nobody reads its log', async () => {
    const { exited } = await end(({ stdout }) => stdout?.pause());
    expect(await exited).toBe(7);
  });
});

async function end(before: (child: ChildProcess) => void = () => undefined) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let isUp = false;
  child.stderr.once('data', () => {
    isUp = true;
  });
  await until(() => isUp, { what: 'the process' });
  before(child);
  const exited = new Promise<number | null>((ended) => child.once('exit', ended));
  child.kill('SIGUSR2');
  return { stdout: child.stdout, exited };
}
