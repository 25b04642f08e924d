import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ask, get, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { vllmMetrics } from '../support/scripted-engine.ts';

/** As vLLM with `--api-key`: whatever stands under `/v1` needs it. */
async function startKeyedEngine(key: string) {
  const bearers: (string | undefined)[] = [];
  const server = createServer((request, answer) => {
    request.resume();
    const { authorization } = request.headers;
    if (request.url?.startsWith('/v1/') && authorization !== `Bearer ${key}`) {
      return void answer.writeHead(401).end('{"error":"Unauthorized"}');
    }
    if (request.url === '/metrics') return void answer.end(vllmMetrics());
    if (request.url === '/v1/models') return void answer.end('{"data":[{"id":"m"}]}');
    if (request.method === 'POST') bearers.push(authorization);
    answer.end('{}');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bearers };
}

const ready = async (url: string) => {
  const answer = await ask(url, { method: 'GET', path: '/readyz' });
  return { status: answer.status, body: answer.body.toString() };
};

test('endpoints get the key of the file, not that of the client, and a new one once it is written', async () => {
  const engine = await startKeyedEngine('right');
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'key');
  writeFileSync(path, 'wrong\n');
  const gateway = await startGateway({ ENDPOINTS: engine.url, ENDPOINTS_API_KEY_FILE: path });
  expect((await ready(gateway.url)).body).toContain('answers 401 (ENDPOINTS_API_KEY_FILE)');
  expect(await get(gateway.url, '/debug/state')).toMatchObject({
    endpoints: [{ usable: false, condition: 'unauthorized' }],
  });
  expect(gateway.output()).toContain('the endpoint answers 401');
  expect((await ask(gateway.url)).status).toBe(503);
  writeFileSync(path, 'right\n');
  await until(async () => (await ready(gateway.url)).status === 200, { what: 'the endpoint to be usable' });
  expect((await ask(gateway.url, { headers: { authorization: 'Bearer mine' } })).status).toBe(200);
  expect(engine.bearers).toEqual(['Bearer right']);
  expect(gateway.output()).not.toMatch(/wrong|right/);
});

test('an endpoint that needs a key where none is configured is not used, and that is said', async () => {
  const engine = await startKeyedEngine('right');
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  expect(await ready(gateway.url)).toMatchObject({ status: 503, body: expect.stringContaining('401') });
});

test('a base URL that ends in /v1 is used without it, and that is said', async () => {
  const engine = await startKeyedEngine('none');
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'key');
  writeFileSync(path, 'none');
  const gateway = await startGateway({ ENDPOINTS: `${engine.url}/v1/`, ENDPOINTS_API_KEY_FILE: path });
  expect((await ask(gateway.url)).status).toBe(200);
  expect(gateway.output()).toContain('ends in /v1');
});
