import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ask, call, errorCode, sheddable, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { type Script, startEngine } from '../support/scripted-engine.ts';

const body = (sizeBytes: number) => JSON.stringify({ model: 'm', x: 'x'.repeat(sizeBytes) });
const firstEvent: Script = (answer) => {
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  answer.write('data: 1\n\n');
};

test('bodies of requests that wait for their first byte count, and those of streams that run do not', async () => {
  const engine = await startEngine({ script: () => {} });
  const gateway = await startGateway({ ENDPOINTS: engine.url, MAX_BUFFERED_BYTES: '1000000' });
  const silent = call(gateway.url, { body: body(700_000) });
  await until(() => engine.seen.length === 1, { what: 'it to run' });
  for (const [headers, status] of [[{}, 503] as const, [sheddable, 429] as const]) {
    const refused = await ask(gateway.url, { headers, body: body(400_000) });
    expect([refused.status, errorCode(refused)]).toEqual([status, 'buffers_full']);
    expect(refused.headers).toMatchObject({
      'x-llm-d-request-dropped-reason': 'rejected-saturated',
      'retry-after': expect.stringMatching(/^[1-9]/),
    });
  }
  engine.script = firstEvent;
  const small = call(gateway.url, { body: body(200_000) });
  await until(() => small.received().length > 0, { what: 'a smaller one to be served' });
  silent.leave();
  const next = call(gateway.url, { body: body(900_000) });
  await until(() => next.received().length > 0, { what: 'a large one to be served' });
  small.leave();
  next.leave();
});

test('streams hold none of the bodies that began them', async () => {
  const engine = createServer((request, answer) => {
    request.resume();
    if (request.method === 'GET') return void answer.writeHead(404).end();
    request.once('end', () => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.write('data: 1\n\n');
    });
  });
  await new Promise<void>((listening) => engine.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    engine.closeAllConnections();
    engine.close();
  });
  const ENDPOINTS = `http://127.0.0.1:${(engine.address() as AddressInfo).port}`;
  const gateway = await startGateway({ ENDPOINTS, NODE_OPTIONS: '--max-old-space-size=128' });
  const large = Buffer.from(body(16_000_000));
  const streams = [];
  for (let count = 0; count < 40; count += 1) {
    const stream = call(gateway.url, { body: large });
    await until(() => stream.received().length > 0, { what: `stream ${count} to begin` });
    streams.push(stream);
  }
  const residentMb = () =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1000;
  // The bodies have 640 MB together.
  expect(residentMb()).toBeLessThan(400);
  for (const stream of streams) stream.leave();
}, 120_000);

test('an endpoint that answers before it has read the body holds up no other request', async () => {
  const sockets = new Set<unknown>();
  const engine = createServer((request, answer) => {
    if (request.method === 'GET') return void answer.writeHead(404).end();
    sockets.add(request.socket);
    // The rest of the body is never read.
    if (Number(request.headers['content-length']) > 1_000_000) request.pause();
    else request.resume();
    answer.end('{}');
  });
  await new Promise<void>((listening) => engine.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    engine.closeAllConnections();
    engine.close();
  });
  const ENDPOINTS = `http://127.0.0.1:${(engine.address() as AddressInfo).port}`;
  const gateway = await startGateway({ ENDPOINTS, TTFT_TIMEOUT_SECONDS: '5' });
  expect((await ask(gateway.url, { body: body(20_000_000) })).status).toBe(200);
  for (let count = 0; count < 3; count += 1) expect((await ask(gateway.url)).status).toBe(200);
  expect(sockets.size).toBeGreaterThan(1);
});
