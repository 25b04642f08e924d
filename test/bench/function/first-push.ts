import { spawn } from 'node:child_process';
import { pinned } from '../gateway/processes.ts';

const body = JSON.stringify({
  message: {
    data: Buffer.from('{"model":"m","messages":[]}').toString('base64'),
    messageId: '1',
    publishTime: new Date().toISOString(),
  },
  subscription: 'projects/bench/subscriptions/requests',
});

/** Milliseconds from the start of the process to the answer of the push that it gets once it listens; it is ended then. */
export async function timeToFirstPush(args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const [program = '', ...rest] = pinned([process.execPath, ...args], 1);
  const startedAtMs = performance.now();
  const child = spawn(program, rest, {
    env: { ...process.env, NODE_NO_WARNINGS: '1', NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((listening, failed) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = /listening on (http:\/\/[\d.:]+)/.exec(output)?.[1];
      if (found !== undefined) listening(found);
    });
    child.once('exit', (code) => failed(new Error(`${args.join(' ')} ended with ${code}`)));
  });
  const { status } = await fetch(url, { method: 'POST', body });
  const ms = performance.now() - startedAtMs;
  child.kill('SIGTERM');
  await ended;
  if (status !== 204) throw new Error(`${args.join(' ')} answered ${status}`);
  return ms;
}
