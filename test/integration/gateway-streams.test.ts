import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePrometheusText } from '../../shared/runtime/prometheus-text.ts';
import { ask, call, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';

const streams = 200;
let modelServer: RunningProcess;
let tap: { url: string; written: Map<string, Buffer[]>; server: Server };

beforeAll(async () => {
  modelServer = await startProcess('infra/local/model-server/main.ts', ['--port', '0']);
  tap = await startTap(modelServer.url);
});

afterAll(() => {
  tap.server.closeAllConnections();
  tap.server.close();
});

test(`${streams} streams at once are byte for byte what the model server sent`, async () => {
  const gateway = await startGateway({ ENDPOINTS: tap.url });
  const ids = Array.from({ length: streams }, (_, index) => `stream-${index}`);
  const answers = await Promise.all(
    ids.map((id) => ask(gateway.url, { headers: { 'x-request-id': id }, body: chat(id, 20) })),
  );
  expect(answers.every(({ status, complete }) => status === 200 && complete)).toBe(true);
  for (const [index, { body }] of answers.entries()) {
    expect(body.equals(Buffer.concat(tap.written.get(ids[index] ?? '') ?? []))).toBe(true);
    expect(body.toString()).toMatch(/data: \[DONE\]\n\n$/);
  }
});

test('cancelling 100 of 200 streams frees 100 slots in the model server', async () => {
  const gateway = await startGateway({ ENDPOINTS: modelServer.url });
  const calls = Array.from({ length: streams }, (_, index) =>
    call(gateway.url, { body: chat(`endless ${index}`, 4000) }),
  );
  await until(async () => (await running()) === streams, { what: 'every stream to run' });
  for (const each of calls.slice(0, 100)) each.leave();
  await until(async () => (await running()) === 100, { what: '100 free slots' });
  for (const each of calls) each.leave();
  await until(async () => (await running()) === 0, { what: 'every slot to be free' });
});

function chat(text: string, maxTokens: number): string {
  const messages = [{ role: 'user', content: text }];
  return JSON.stringify({ model: 'sim', stream: true, ignore_eos: true, max_tokens: maxTokens, messages });
}

async function running(): Promise<number> {
  const page = await (await fetch(`${modelServer.url}/metrics`)).text();
  return parsePrometheusText(page).find(({ name }) => name === 'vllm:num_requests_running')?.value ?? Number.NaN;
}

/** Stands before the model server and keeps every byte of its answers. */
async function startTap(target: string) {
  const written = new Map<string, Buffer[]>();
  const server = createServer((incoming, outgoing) => {
    const options = { method: incoming.method ?? 'GET', headers: incoming.headers };
    const onward = request(new URL(incoming.url ?? '/', target), options, (answer) => {
      const kept: Buffer[] = [];
      written.set(String(incoming.headers['x-request-id']), kept);
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('data', (chunk: Buffer) => kept.push(chunk));
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, written, server };
}
