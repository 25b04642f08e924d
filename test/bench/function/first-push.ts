import { spawn } from 'node:child_process';

const body = JSON.stringify({
  message: {
    data: Buffer.from('{"model":"m","messages":[]}').toString('base64'),
    messageId: '1',
    publishTime: new Date().toISOString(),
  },
  subscription: 'projects/bench/subscriptions/requests',
});
const pollEveryMs = 2;

/** Milliseconds from the start of the process to its first 204: pushed at until it answers, then ended. */
export async function timeToFirstPush(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  port: number,
): Promise<number> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_NO_WARNINGS: '1', NODE_ENV: 'production', ...env, PORT: String(port) },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    for (;;) {
      if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode}`);
      const status = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body }).then(
        (response) => response.status,
        () => 0,
      );
      if (status === 204) return performance.now() - startedAtMs;
      await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
    }
  } finally {
    // It writes its compile cache when it ends by itself.
    child.kill('SIGTERM');
    await ended;
  }
}
