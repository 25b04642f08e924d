import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { parsePrometheusText } from '../../shared/runtime/prometheus-text.ts';
import { ask, get, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { postHead, RawConnection } from '../support/raw-connection.ts';
import { startEngine } from '../support/scripted-engine.ts';

const servers: Server[] = [];
const children: ChildProcess[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  for (const child of children) child.kill('SIGKILL');
});

/** An endpoint whose every byte is the test's. */
async function startRawEngine(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      if (text.startsWith('GET '))
        socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      else if (text.includes('\r\n\r\n')) answer(socket);
    });
  });
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('an answer without length', () => {
  const begin = async (socket: Socket): Promise<void> => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n');
    await delay(100);
  };

  test('that ends with its connection is complete', async () => {
    const gateway = await startGateway({
      ENDPOINTS: await startRawEngine((socket) => void begin(socket).then(() => socket.end())),
    });
    const answer = await ask(gateway.url);
    expect([answer.status, answer.complete, answer.body.toString()]).toEqual([200, true, 'data: 1\n\n']);
  });

  test('whose connection is reset is cut', async () => {
    const ENDPOINTS = await startRawEngine((socket) => void begin(socket).then(() => socket.resetAndDestroy()));
    const gateway = await startGateway({ ENDPOINTS });
    const answer = await ask(gateway.url);
    expect([answer.status, answer.complete]).toEqual([200, false]);
    expect(answer.body.toString()).toContain('"code":"upstream_error"');
  });
});

test.each([
  ['HTTP/1.1 100 Continue\r\n\r\n', ''],
  ['HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n', ''],
  ['HTTP/1.1 100 Continue\r\n\r\n', 'later'],
])('100 Continue that was not asked for is left out: %j %s', async (before, when) => {
  const rest = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
  const ENDPOINTS = await startRawEngine((socket) => {
    socket.write(when === '' ? before + rest : before);
    if (when !== '') setTimeout(() => socket.write(rest), 100);
  });
  const gateway = await startGateway({ ENDPOINTS });
  for (let count = 0; count < 3; count += 1) {
    const answer = await ask(gateway.url);
    expect([answer.status, answer.body.toString()]).toEqual([200, '{}']);
  }
});

test.each([204, 304])('%i with the length of a body that it has not passes through', async (status) => {
  const ENDPOINTS = await startRawEngine(
    (socket) => void socket.write(`HTTP/1.1 ${status} X\r\netag: "a"\r\ncontent-length: 120\r\n\r\n`),
  );
  const gateway = await startGateway({ ENDPOINTS });
  for (let count = 0; count < 2; count += 1) {
    const answer = await ask(gateway.url);
    expect([answer.status, answer.headers.etag, answer.body.length]).toEqual([status, '"a"', 0]);
  }
});

test.each([
  ['seconds', 429, '3600'],
  ['a date', 503, 'Wed, 21 Oct 2099 07:28:00 GMT'],
])('a Retry-After of an endpoint becomes the gateway’s own: %s', async (_, status, value) => {
  const engine = await startEngine({
    script: (answer) => void answer.writeHead(status, { 'Retry-After': value }).end('{}'),
  });
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const answer = await ask(gateway.url);
  expect([answer.status, answer.headers['retry-after']]).toEqual([
    status,
    expect.stringMatching(/^([1-9]|[12]\d|30)$/),
  ]);
});

test('names that differ in halves of characters are one series, and scrapes at once print numbers alone', async () => {
  const engine = await startEngine({ models: undefined });
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  for (const half of ['\\ud800', '\\ud801', '\\udc00']) await ask(gateway.url, { body: `{"model":"a${half}"}` });
  const scrape = async () => (await ask(gateway.url, { method: 'GET', path: '/metrics' })).body.toString();
  for (const page of await Promise.all(Array.from({ length: 20 }, scrape))) {
    expect(page).not.toMatch(/nan/i);
    const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const series = samples.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(series).size).toBe(series.length);
  }
});

test('saturation has no exponent', async () => {
  const page = 'vllm:num_requests_running 0\nvllm:num_requests_waiting 0\nvllm:kv_cache_usage_perc 1e-90\n';
  const engine = await startEngine({ metrics: page });
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  expect(await get(gateway.url, '/capacity')).toMatchObject({
    saturation: 0,
    realtime: { saturation: 0, overBudget: false },
  });
  const metrics = parsePrometheusText((await ask(gateway.url, { method: 'GET', path: '/metrics' })).body.toString());
  expect(metrics.find(({ name }) => name === 'llm_d_epp_flow_control_pool_saturation')?.value).toBe(0);
});

test.runIf(process.platform === 'linux')(
  'clients take no more than half of the connections that the process may have',
  async () => {
    const engine = await startEngine();
    const child = spawn('sh', ['-c', `ulimit -n 128; exec "${process.execPath}" gateway/main.ts`], {
      cwd: resolve(import.meta.dirname, '../..'),
      env: { ...process.env, ENDPOINTS: engine.url, PORT: '0', HOST: '127.0.0.1', NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let output = '';
    child.stdout?.on('data', (text) => (output += text));
    const url = await until(() => /listening on (http:\/\/[\d.:]+)/.exec(output)?.[1], {
      what: 'the gateway to listen',
    });
    const connections = Array.from({ length: 100 }, () => new RawConnection(url));
    onTestFinished(() => connections.forEach((each) => void each.cut()));
    await until(() => connections.filter(({ closed }) => closed).length === 68, {
      what: 'those beyond 32 to be closed',
    });
    const body = '{"model":"m"}';
    const open = connections.filter(({ closed }) => !closed);
    for (const each of open) each.send(postHead([`content-length: ${body.length}`]) + body);
    for (const each of open) expect(await each.untilAnswers(1)).toEqual([[200, undefined]]);
  },
);
