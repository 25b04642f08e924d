import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ask, errorCode, json, startGateway } from '../support/gateway-client.ts';
import type { RunningProcess } from '../support/processes.ts';
import { type ScriptedEngine, startEngine, vllmMetrics } from '../support/scripted-engine.ts';

const models = ['m', 'org/model', 'a b'];
let engine: ScriptedEngine;
let gateway: RunningProcess;
beforeAll(async () => {
  engine = await startEngine({ models });
  gateway = await startGateway({ ENDPOINTS: engine.url });
});

test.each([
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
  '/v1/rerank',
  '/v1/score',
  '/v1/classify',
  '/pooling',
  '/tokenize',
  '/detokenize',
])('%s goes to an endpoint, with its query', async (path) => {
  const answer = await ask(gateway.url, { path: `${path}?beta=true&x=%20` });
  expect([answer.status, engine.seen.at(-1)?.path]).toEqual([200, `${path}?beta=true&x=%20`]);
});

test('load balancers that ask for nothing in particular hear that it is there', async () => {
  expect((await ask(gateway.url, { method: 'GET', path: '/' })).status).toBe(200);
});

test.each([
  ['/v1/models/m', 200, 'm'],
  ['/v1/models/m?x=/', 200, 'm'],
  ['/v1/models/org/model', 200, 'org/model'],
  ['/v1/models/org%2Fmodel', 200, 'org/model'],
  ['/v1/models/a%20b', 200, 'a b'],
  [`/v1/models/${'x'.repeat(200)}`, 404, 'model_not_found'],
  ['/v1/models/org', 404, 'model_not_found'],
  ['/v1/models/', 404, 'unknown_route'],
  ['/v1/models/%ff', 400, 'invalid_request'],
])('GET %s: %i %s', async (path, status, what) => {
  const answer = await ask(gateway.url, { method: 'GET', path });
  expect([answer.status, status === 200 ? json(answer).id : errorCode(answer)]).toEqual([status, what]);
});

describe('a key', () => {
  test.each([
    ['as a bearer', { authorization: 'Bearer k' }, 200],
    ['as Anthropic’s clients send it', { 'x-api-key': 'k' }, 200],
    ['beside an authorization of another kind', { authorization: 'Basic eDp5', 'x-api-key': 'k' }, 200],
    ['beside a wrong bearer, which wins', { authorization: 'Bearer wrong', 'x-api-key': 'k' }, 401],
    ['that is wrong', { 'x-api-key': 'wrong' }, 401],
  ])('%s', async (_, headers, status) => {
    const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'keys.json');
    writeFileSync(path, JSON.stringify([{ sha256: createHash('sha256').update('k').digest('hex'), tenant: 'acme' }]));
    const guarded = await startGateway({ ENDPOINTS: engine.url, API_KEYS_FILE: path });
    for (const route of ['/v1/messages', '/tokenize']) {
      expect((await ask(guarded.url, { path: route, headers: headers as Record<string, string> })).status).toBe(status);
    }
    for (const name of ['authorization', 'x-api-key']) expect(engine.seen.at(-1)?.headers).not.toHaveProperty(name);
  });
});

describe('the wait in the queue', () => {
  test.each([
    ['its own limit', { 'x-llm-d-inference-ttl': '100ms' }, {}, 'queue_timeout', 'rejected-ttl-expired'],
    ['the limit of the gateway', {}, { QUEUE_TIMEOUT_SECONDS: '0.1' }, 'queue_timeout', 'rejected-ttl-expired'],
    [
      'the shorter wait of sheddable work',
      { 'x-llm-d-inference-ttl': '9s' },
      { SHEDDABLE_WAIT_SECONDS: '0.1' },
      'saturated',
      'rejected-saturated',
    ],
  ])('ends by %s', async (_, headers, env, code, reason) => {
    const full = await startEngine({ metrics: vllmMetrics({ running: 1, waiting: 50, kvCache: 1 }) });
    const own = await startGateway({ ENDPOINTS: full.url, ...env });
    const answer = await ask(own.url, { headers: { 'x-llm-d-inference-objective': 'sheddable', ...headers } });
    expect([answer.status, errorCode(answer)]).toEqual([429, code]);
    expect(answer.headers['x-llm-d-request-dropped-reason']).toBe(reason);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });

  test('ends by the limit of its objective', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'objectives.json');
    writeFileSync(path, '{"standard":{"priority":0},"batch":{"priority":-1,"ttlSeconds":0.1}}');
    const full = await startEngine({ metrics: vllmMetrics({ running: 1, waiting: 50, kvCache: 1 }) });
    const own = await startGateway({ ENDPOINTS: full.url, OBJECTIVES_FILE: path });
    expect(errorCode(await ask(own.url, { headers: { 'x-llm-d-inference-objective': 'batch' } }))).toBe(
      'queue_timeout',
    );
  });
});

test.each([
  ['both', 400],
  ['new', 400],
  ['old', 200],
])('of two spellings the one that is trusted counts: %s', async (TRUSTED_SPELLING, status) => {
  const own = await startGateway({ ENDPOINTS: engine.url, TRUSTED_SPELLING });
  const headers = { 'x-llm-d-inference-objective': 'best', 'x-gateway-inference-objective': 'standard' };
  expect((await ask(own.url, { headers })).status).toBe(status);
});

describe('from a browser', () => {
  const origin = 'https://chat.example.com';
  let open: RunningProcess;
  beforeAll(async () => {
    open = await startGateway({ ENDPOINTS: engine.url, CORS_ORIGINS: `${origin},https://b.example.com` });
  });

  test('a preflight is answered, without a key', async () => {
    const answer = await ask(open.url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': 'authorization,content-type',
      vary: 'Origin',
    });
  });

  test.each([
    ['an answer', '{"model":"m"}', 200],
    ['a refusal', '{', 400],
  ])('%s may be read by the page', async (_, body, status) => {
    // As vLLM does.
    engine.script = (answer, { headers }) =>
      void answer.writeHead(200, headers.origin ? { 'access-control-allow-origin': '*' } : {}).end('{}');
    const answer = await ask(open.url, { headers: { origin }, body });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([status, origin]);
    expect(answer.headers['access-control-expose-headers']).toContain('x-request-id');
    expect(engine.seen.at(-1)?.headers).not.toHaveProperty('origin');
  });

  test.each([
    ['another origin', () => open, { origin: 'https://evil.example.com' }],
    ['no origin', () => open, {}],
    ['any origin, where none is configured', () => gateway, { origin }],
  ])('nothing is allowed to %s', async (_, of, headers) => {
    engine.script = (answer) => void answer.end('{}');
    const answer = await ask(of().url, { headers: headers as Record<string, string> });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, undefined]);
  });
});

describe('the async API', () => {
  test.each(['/v1/files', '/v1/files/f/content', '/v1/batches/b/cancel', '/v1/requests/r'])(
    '%s is no path where there is none',
    async (path) => {
      expect(errorCode(await ask(gateway.url, { path }))).toBe('unknown_route');
    },
  );

  test('is passed what is meant for it, and its answer is passed back', async () => {
    const seen: { method?: string; url?: string; body: string; headers: IncomingHttpHeaders }[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(201, { 'x-api': 'a', location: '/v1/files/f' }).end('{"id":"f"}');
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const ASYNC_API_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
    const own = await startGateway({ ENDPOINTS: engine.url, ASYNC_API_URL });
    const headers = { authorization: 'Bearer k', 'x-request-id': 'r1', 'idempotency-key': 'i' };
    const posted = await ask(own.url, { path: '/v1/files?purpose=batch', headers, body: 'a file' });
    expect([posted.status, posted.body.toString()]).toEqual([201, '{"id":"f"}']);
    expect(posted.headers).toMatchObject({ 'x-api': 'a', location: '/v1/files/f', 'x-request-id': 'r1' });
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/base/v1/files?purpose=batch', body: 'a file', headers });
    expect((await ask(own.url, { method: 'GET', path: '/v1/requests/r' })).status).toBe(201);
    expect((await ask(own.url, { method: 'DELETE', path: '/v1/requests/r', body: '' })).status).toBe(201);
    expect(seen.slice(1).map(({ method, url }) => [method, url])).toEqual([
      ['GET', '/base/v1/requests/r'],
      ['DELETE', '/base/v1/requests/r'],
    ]);
    server.closeAllConnections();
    server.close();
    expect(errorCode(await ask(own.url, { path: '/v1/batches' }))).toBe('upstream_error');
  });
});
