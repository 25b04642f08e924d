import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { type Measured, start } from './processes.ts';

export const apiKey = 'bench-key';

export interface Peer {
  readonly name: string;
  /** What it needs to hear of where to send a request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly process: Measured;
}

const root = resolve(import.meta.dirname, '../../..');
const portkey = join(root, 'node_modules/@portkey-ai/gateway/build/start-server.js');

/** Model servers that cost next to nothing, in one process. */
export interface Upstream {
  readonly process: Measured;
  readonly urls: readonly string[];
}

/** Starts `endpoints` endpoints. */
export async function startUpstream(endpoints: number): Promise<Upstream> {
  const ports = await Promise.all(Array.from({ length: endpoints }, freePort));
  const command = [process.execPath, join(import.meta.dirname, 'canned-upstream.ts'), ...ports.map(String)];
  return { process: await start({ command }, 0), urls: ports.map((port) => `http://127.0.0.1:${port}`) };
}

/**
 * Starts the gateway, that of the checkout in the folder `BENCH_BEFORE`, and all peers there are on this machine; one that is absent is said. Portkey takes part before one endpoint alone: a
 * client names its endpoint.
 * @param connections of the load, at most
 */
export async function startPeers(upstream: Upstream, connections: number): Promise<Peer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const { urls } = upstream;
  const targets = urls.map((url) => new URL(url).host);
  const replyFrom = [process.execPath, join(import.meta.dirname, 'reply-from.ts'), String(connections), ...urls];
  const peers: Peer[] = [
    { name: 'direct', headers: {}, process: upstream.process },
    { name: 'gateway', headers: {}, process: await startGateway(root, urls.join(), folder) },
    { name: 'reply-from', headers: {}, process: await start({ command: replyFrom }, 1) },
  ];
  const before = process.env.BENCH_BEFORE;
  if (before) peers.push({ name: 'before', headers: {}, process: await startGateway(before, urls.join(), folder) });
  if (spawnSync('nginx', ['-v']).status === 0) peers.push(await startNginx(targets, folder));
  else skipped('nginx');
  if (spawnSync('haproxy', ['-v']).status === 0) peers.push(await startHaproxy(targets, folder));
  else skipped('haproxy');
  if (!existsSync(portkey)) skipped('Portkey');
  else if (urls.length === 1) peers.push(await startPortkey(urls[0] ?? ''));
  return peers;
}

/** With everything on: keys, prediction, metrics, a log. */
function startGateway(checkout: string, endpoints: string, folder: string): Promise<Measured> {
  const keysFile = join(folder, 'keys.json');
  writeFileSync(
    keysFile,
    JSON.stringify([{ sha256: createHash('sha256').update(apiKey).digest('hex'), tenant: 'acme' }]),
  );
  const env = { ENDPOINTS: endpoints, API_KEYS_FILE: keysFile, HOST: '127.0.0.1', PORT: '0' };
  return start({ command: [process.execPath, join(checkout, 'gateway/main.ts')], env }, 1);
}

async function startNginx(targets: readonly string[], folder: string): Promise<Peer> {
  const port = await freePort();
  const config = `
    daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;
    events { worker_connections 4096; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
      uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      keepalive_requests 1000000000; client_body_buffer_size 64k;
      upstream pool { ${targets.map((target) => `server ${target};`).join(' ')} keepalive 512; keepalive_requests 1000000000; }
      server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://pool; proxy_http_version 1.1; proxy_set_header connection ""; proxy_buffering off; }
      }
    }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const command = ['nginx', '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')];
  return { name: 'nginx', headers: {}, process: await start({ command, url: `http://127.0.0.1:${port}` }, 1) };
}

async function startHaproxy(targets: readonly string[], folder: string): Promise<Peer> {
  const port = await freePort();
  const config = [
    'global',
    '  nbthread 1',
    'defaults',
    '  mode http',
    '  option http-no-delay',
    '  http-reuse always',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
    'listen proxy',
    `  bind 127.0.0.1:${port}`,
    ...targets.map((target, index) => `  server endpoint${index} ${target}`),
    '',
  ];
  writeFileSync(join(folder, 'haproxy.cfg'), config.join('\n'));
  const command = ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')];
  return { name: 'haproxy', headers: {}, process: await start({ command, url: `http://127.0.0.1:${port}` }, 1) };
}

async function startPortkey(upstreamUrl: string): Promise<Peer> {
  const port = await freePort();
  const headers = { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${upstreamUrl}/v1` };
  const command = [process.execPath, portkey, `--port=${port}`, '--headless'];
  return { name: 'Portkey', headers, process: await start({ command, url: `http://127.0.0.1:${port}` }, 1) };
}

function skipped(name: string): void {
  process.stdout.write(`skipped: ${name} is not installed\n`);
}
