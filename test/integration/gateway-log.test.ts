import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, type CallOptions, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startEngine } from '../support/scripted-engine.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const secret = 'open-sesame';
const fields = [
  'code',
  'completion_tokens',
  'duration_ms',
  'endpoint',
  'event',
  'message',
  'model',
  'objective',
  'prompt_tokens',
  'request_id',
  'service',
  'severity',
  'status',
  'tenant',
  'time',
  'trace_id',
  'ttft_ms',
];

/** The log lines of requests, once there are `count` of them. */
async function requestLines(gateway: RunningProcess, count: number): Promise<Record<string, unknown>[]> {
  const lines = () =>
    gateway
      .output()
      .split('\n')
      .filter((line) => line.includes('"event":"request"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  await until(() => lines().length >= count, { what: `${count} lines` });
  return lines();
}

async function start(env: Readonly<Record<string, string>> = {}) {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: engine.url, LOG_LEVEL: 'silent', ...env });
  return { engine, gateway };
}

test('every request is told with all fields, at any log level, without its prompt', async () => {
  const { engine, gateway } = await start({ LOG_REQUESTS: 'all' });
  await ask(gateway.url, {
    headers: {
      'x-request-id': 'r1',
      'x-llm-d-inference-objective': 'interactive',
      'x-llm-d-inference-fairness-id': 'acme',
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    },
    body: '{"model":"m","messages":[{"role":"user","content":"a secret prompt"}]}',
  });
  const [line] = await requestLines(gateway, 1);
  expect(Object.keys(line ?? {}).sort()).toEqual(fields);
  expect(line).toMatchObject({
    request_id: 'r1',
    status: 200,
    code: null,
    objective: 'interactive',
    tenant: 'acme',
    model: 'm',
    endpoint: engine.host,
    ttft_ms: expect.any(Number),
    duration_ms: expect.any(Number),
    prompt_tokens: 3,
    completion_tokens: 1,
    trace_id: traceId,
  });
  expect(gateway.output()).not.toContain('secret prompt');
});

test('refusals have a line each by default, and what goes well has none', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'keys.json');
  const sha256 = createHash('sha256').update(secret).digest('hex');
  writeFileSync(path, JSON.stringify([{ sha256, tenant: 'acme', objectives: ['standard'] }]));
  const { gateway } = await start({ API_KEYS_FILE: path, MAX_BODY_BYTES: '1000' });
  const authorization = `Bearer ${secret}`;
  const rows: [CallOptions, number, string | null][] = [
    [{ headers: { authorization: 'Bearer wrong-key' } }, 401, 'invalid_api_key'],
    [{ headers: { authorization }, body: '{' }, 400, 'invalid_request'],
    [{ headers: { authorization }, body: 'x'.repeat(2000) }, 413, 'request_too_large'],
    [{ headers: { authorization, 'x-llm-d-inference-objective': 'best' } }, 400, 'unknown_objective'],
    [{ headers: { authorization, 'x-llm-d-inference-objective': 'sheddable' } }, 403, 'priority_not_allowed'],
    [{ headers: { authorization }, body: '{"model":"x"}' }, 404, 'model_not_found'],
    [{ headers: { authorization }, path: '/v1/nothing' }, 404, 'unknown_route'],
  ];
  for (const [options, status] of rows) {
    expect((await ask(gateway.url, options)).status).toBe(status);
    expect((await ask(gateway.url, { headers: { authorization } })).status).toBe(200);
  }
  const lines = await requestLines(gateway, rows.length);
  expect(lines.map(({ status, code }) => [status, code])).toEqual(rows.map(([, status, code]) => [status, code]));
  for (const line of lines) expect(Object.keys(line).sort()).toEqual(fields);
  expect(lines.at(-2)).toMatchObject({ model: 'x', tenant: 'acme', objective: 'standard' });
  for (const key of [secret, 'wrong-key']) expect(gateway.output()).not.toContain(key);
});

test('a client that leaves while its body comes in has a line', async () => {
  const { gateway } = await start();
  const client = new RawConnection(gateway.url).send(
    'POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{',
  );
  await until(async () => (await ask(gateway.url)).status === 200, { what: 'it to serve' });
  client.cut();
  expect(await requestLines(gateway, 1)).toMatchObject([{ status: 0, code: 'client_gone' }]);
});

test('none is none', async () => {
  const { gateway } = await start({ LOG_REQUESTS: 'none', LOG_LEVEL: 'info' });
  await ask(gateway.url, { body: '{' });
  await ask(gateway.url);
  await gateway.kill('SIGKILL');
  expect(gateway.output()).not.toContain('"event":"request"');
});
