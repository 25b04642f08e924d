import { spawn } from 'node:child_process';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';

/**
 * Runs the bundled function once where its image is built, with one push that goes all the way, so that instances find its code compiled
 * in `compile-cache`. Without a cache the function works as well, so a failure here fails no build.
 */
const folder = import.meta.dirname;
const giveUpAfterMs = 60_000;

const gateway = createHttpServer((request, response) => {
  request.resume().on('end', () => response.end('{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'));
});
/** Pub/Sub and Monitoring: a PublishResponse with one id, and no time series, in gRPC's framing. */
const published = Buffer.from([0, 0, 0, 0, 3, 0x0a, 1, 0x31]);
const noTimeSeries = Buffer.alloc(5);
const google = createHttp2Server();
google.on('stream', (stream, headers) => {
  const answer = headers[':path']?.endsWith('/Publish') ? published : noTimeSeries;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.resume().on('end', () => stream.end(answer));
});

const googleHost = `127.0.0.1:${await listen(google)}`;

const child = spawn(process.execPath, [join(folder, 'main.mjs')], {
  env: {
    ...process.env,
    NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
    METADATA_SERVER_DETECTION: 'none',
    GOOGLE_CLOUD_PROJECT: 'warm-up',
    PUBSUB_EMULATOR_HOST: googleHost,
    MONITORING_API_ENDPOINT: googleHost,
    INFERENCE_GATEWAY_URL: `http://127.0.0.1:${await listen(gateway)}`,
    RESULT_TOPIC: 'warm-up-results',
    RETRY_TOPIC: 'warm-up-retries',
    CAPACITY_SOURCES: 'flow-control',
    HOST: '127.0.0.1',
    PORT: '0',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const timer = setTimeout(() => child.kill('SIGKILL'), giveUpAfterMs);
let output = '';
let status: number | undefined;
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  output += text;
  const url = /listening on (http:\/\/[\d.:]+)/.exec(output)?.[1];
  if (url === undefined || status !== undefined) return;
  status = 0;
  // The compile cache is written when the process ends by itself.
  void push(url).finally(() => child.kill('SIGTERM'));
});
child.once('exit', (code) => {
  clearTimeout(timer);
  const isWarm = code === 0 && status === 204;
  process.stdout.write(isWarm ? 'the code is compiled\n' : `no warm cache: exit ${code}, push ${status}\n`);
  process.exit(0);
});

async function push(url: string): Promise<void> {
  const data = Buffer.from('{"model":"warm-up","messages":[]}').toString('base64');
  const message = { data, messageId: '1', publishTime: new Date().toISOString() };
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ message, subscription: 'warm-up' }) });
  status = response.status;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
