import { spawn } from 'node:child_process';
import { join } from 'node:path';

/**
 * Runs the bundled function once where its image is built, with one push, so that instances find its code compiled in `compile-cache`.
 * Nothing is reached: the gateway and Pub/Sub have addresses where nobody listens. Without a cache the function works as well.
 */
const folder = import.meta.dirname;
const nobody = '127.0.0.1:1';
const giveUpAfterMs = 60_000;

const child = spawn(process.execPath, [join(folder, 'main.mjs')], {
  env: {
    ...process.env,
    NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
    METADATA_SERVER_DETECTION: 'none',
    GOOGLE_CLOUD_PROJECT: 'warm-up',
    PUBSUB_EMULATOR_HOST: nobody,
    INFERENCE_GATEWAY_URL: `http://${nobody}`,
    RESULT_TOPIC: 'warm-up',
    RETRY_TOPIC: 'warm-up',
    CAPACITY_SOURCES: 'none',
    HOST: '127.0.0.1',
    PORT: '0',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const timer = setTimeout(() => child.kill('SIGKILL'), giveUpAfterMs);
let output = '';
let pushed = false;
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  output += text;
  const url = /listening on (http:\/\/[\d.:]+)/.exec(output)?.[1];
  if (url === undefined || pushed) return;
  pushed = true;
  // The compile cache is written when the process ends by itself.
  void push(url).finally(() => child.kill('SIGTERM'));
});
child.once('exit', (code) => {
  clearTimeout(timer);
  process.stdout.write(code === 0 ? 'the code is compiled\n' : `no compile cache: the function ended with ${code}\n`);
});

async function push(url: string): Promise<void> {
  const data = Buffer.from('{"model":"warm-up","messages":[]}').toString('base64');
  const message = { data, messageId: '1', publishTime: new Date().toISOString() };
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ message, subscription: 'warm-up' }) });
  await response.arrayBuffer();
}
