import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { until } from './poll.ts';

/** Google's own Pub/Sub emulator, where gcloud has it; undefined elsewhere. */
export function findGoogleEmulator(): string | undefined {
  try {
    const root = execFileSync('gcloud', ['info', '--format=value(installation.sdk_root)'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    const script = join(root, 'platform/pubsub-emulator/bin/cloud-pubsub-emulator');
    return existsSync(script) ? script : undefined;
  } catch {
    return undefined;
  }
}

export async function startGoogleEmulator(script: string) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'google-emulator-'));
  const child = spawn(script, ['--host=127.0.0.1', `--port=${port}`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((ended) => child.once('exit', () => ended()));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  await until(() => output.includes('Server started'), { what: "Google's emulator to start", timeoutMs: 25_000 });
  return {
    host: `127.0.0.1:${port}`,
    close: async () => {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}
