import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  ask,
  type CallOptions,
  call,
  errorCode,
  json,
  sheddable,
  startGateway,
} from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { type ScriptedEngine, startEngine, vllmMetrics } from '../support/scripted-engine.ts';

let engine: ScriptedEngine;
let gateway: RunningProcess;
beforeAll(async () => {
  engine = await startEngine();
  gateway = await startGateway({ ENDPOINTS: engine.url, MAX_BODY_BYTES: '2000', SHEDDABLE_WAIT_SECONDS: '0.1' });
});

const rows: [string, number, string, CallOptions][] = [
  ['no body', 400, 'invalid_request', { body: '' }],
  ['no JSON', 400, 'invalid_request', { body: '{"model":"m"' }],
  ['JSON null', 400, 'invalid_request', { body: 'null' }],
  ['an array', 400, 'invalid_request', { body: '[{"model":"m"}]' }],
  ['no model', 400, 'invalid_request', { body: '{"messages":[]}' }],
  ['a model that is no text', 400, 'invalid_request', { body: '{"model":7}' }],
  ['an unknown objective', 400, 'unknown_objective', { headers: { 'x-gateway-inference-objective': 'best' } }],
  [
    'a known objective in the older spelling and an unknown one in the newer, which wins',
    400,
    'unknown_objective',
    { headers: { ...sheddable, 'x-llm-d-inference-objective': 'best' } },
  ],
  ['a model nobody has', 404, 'model_not_found', { body: '{"model":"x"}' }],
  ['a path nobody has', 404, 'unknown_route', { path: '/v1/nothing' }],
  ['a method nobody has', 404, 'unknown_route', { method: 'PUT' }],
  ['a large body over the limit', 413, 'request_too_large', { body: Buffer.alloc(8_000_000, 32) }],
  ['a body over the limit', 413, 'request_too_large', { body: JSON.stringify({ model: 'm', x: 'x'.repeat(2000) }) }],
];

test.each(rows)('%s: %i %s', async (_, status, code, options) => {
  const answer = await ask(gateway.url, options);
  expect([answer.status, errorCode(answer)]).toEqual([status, code]);
  expectOpenAiError(answer);
  expect(answer.headers['x-llm-d-request-dropped-reason']).toBeUndefined();
  expect(answer.headers['retry-after']).toBeUndefined();
});

test('an unknown objective is told which there are', async () => {
  const answer = await ask(gateway.url, { headers: { 'x-llm-d-inference-objective': 'best' } });
  expect(json(answer)).toMatchObject({
    error: { message: expect.stringContaining('interactive, standard, sheddable') },
  });
});

test('a request without a host is answered in the same shape, with its id', async () => {
  const connection = new RawConnection(gateway.url).send('GET /healthz HTTP/1.1\r\nx-request-id: mine\r\n\r\n');
  expect(await connection.untilAnswers(1)).toEqual([[400, 'invalid_request']]);
  expect(connection.text).toMatch(/^x-request-id: mine$/im);
  connection.cut();
});

test.each(['', 'json', '/', 'garbage garbage', 'text/plain'])('a body may call itself %j', async (type) => {
  expect((await ask(gateway.url, { headers: { 'content-type': type } })).status).toBe(200);
  expect(engine.seen.at(-1)?.headers['content-type']).toBe(type);
});

test('what is no HTTP at all is answered in the same shape', async () => {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.end('this is not HTTP\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += chunk;
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { code: 'invalid_request' } });
});

describe('sheddable work', () => {
  test('is refused while the engines are full, real-time work is not', async () => {
    engine.metrics = vllmMetrics({ waiting: 12 });
    await saturationIs((saturation) => saturation > 1);
    const [refused, served] = await Promise.all([ask(gateway.url, { headers: sheddable }), ask(gateway.url)]);
    expect([refused.status, errorCode(refused)]).toEqual([429, 'saturated']);
    expect(refused.headers['x-llm-d-request-dropped-reason']).toBe('rejected-saturated');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expectOpenAiError(refused);
    expect(served.status).toBe(200);
  });

  test('that waits goes as soon as there is room', async () => {
    const patient = await startGateway({ ENDPOINTS: engine.url, SHEDDABLE_WAIT_SECONDS: '20' });
    engine.metrics = vllmMetrics({ kvCache: 0.9 });
    await saturationIs((saturation) => saturation > 1, patient);
    const waiting = ask(patient.url, { headers: sheddable });
    await until(async () => (await capacity(patient)).queued['-1'] === 1, { what: 'it to wait' });
    engine.metrics = vllmMetrics();
    expect((await waiting).status).toBe(200);
    expect((await capacity(patient)).queued['-1']).toBe(0);
  });

  test('beyond the queue of its band is refused at once', async () => {
    const short = await startGateway({ ENDPOINTS: engine.url, SHEDDABLE_WAIT_SECONDS: '20', MAX_QUEUED: '2' });
    engine.metrics = vllmMetrics({ waiting: 12 });
    await saturationIs((saturation) => saturation > 1, short);
    const calls = [0, 1].map(() => call(short.url, { headers: sheddable }));
    await until(async () => (await capacity(short)).queued['-1'] === 2, { what: 'both to wait' });
    const third = await ask(short.url, { headers: sheddable });
    expect([third.status, errorCode(third)]).toEqual([429, 'saturated']);
    for (const each of calls) each.leave();
    await until(async () => (await capacity(short)).queued['-1'] === 0, { what: 'both to have left' });
    engine.metrics = vllmMetrics();
  });

  test('of a burst between two readings enters no more than an engine of which nothing is known may hold', async () => {
    const held = await startEngine({ script: () => {} });
    const slow = await startGateway({
      ENDPOINTS: held.url,
      METRICS_REFRESH_MS: '60000',
      SHEDDABLE_WAIT_SECONDS: '0.05',
    });
    const calls = Array.from({ length: 40 }, () => call(slow.url, { headers: sheddable }));
    const entered = await until(
      async () => {
        const { sheddable: window } = await capacity(slow);
        return window.inFlight > 0 && held.seen.length === window.inFlight && held.seen.length;
      },
      { what: 'the burst to settle' },
    );
    expect(entered).toBe(8);
    for (const each of calls) each.leave();
    await until(async () => (await capacity(slow)).sheddable.inFlight === 0, { what: 'the window to be free' });
  });
});

describe('with no endpoint', () => {
  test('everyone is refused at once', async () => {
    const gone = await startEngine();
    await gone.stop();
    const empty = await startGateway({ ENDPOINTS: gone.url });
    for (const headers of [{}, sheddable]) {
      const answer = await ask(empty.url, { headers });
      expect([answer.status, errorCode(answer)]).toEqual([503, 'no_endpoints']);
      expect(answer.headers).toMatchObject({
        'x-llm-d-request-dropped-reason': 'rejected-no-endpoints',
        'retry-after': expect.stringMatching(/^[1-9]\d*$/),
      });
    }
    expect(await capacity(empty)).toMatchObject({ saturation: 1, readyEndpoints: 0 });
    expect((await ask(empty.url, { method: 'GET', path: '/readyz' })).status).toBe(503);
    expect((await ask(empty.url, { method: 'GET', path: '/healthz' })).status).toBe(200);
    const metrics = (await ask(empty.url, { method: 'GET', path: '/metrics' })).body.toString();
    expect(metrics).toContain('inference_pool_ready_pods{name="default"} 0\n');
    expect(metrics).toContain('llm_d_epp_ready_endpoints{name="default"} 0\n');
    expect(metrics).toContain('inference_extension_flow_control_pool_saturation{inference_pool="default"} 1\n');
    expect(metrics).not.toMatch(/^(inference_pool|llm_d_epp)_average/m);
  });

  test('a model that only an unreachable endpoint had is away, not unknown', async () => {
    const other = await startEngine({ models: ['other'] });
    const two = await startGateway({ ENDPOINTS: `${engine.url},${other.url}` });
    expect((await ask(two.url, { body: '{"model":"other"}' })).status).toBe(200);
    await other.stop();
    const answer = await until(
      async () => {
        const given = await ask(two.url, { body: '{"model":"other"}' });
        return given.status === 503 && given;
      },
      { what: 'its endpoint to be unusable' },
    );
    expect(errorCode(answer)).toBe('no_endpoints');
  });
});

describe('with API keys', () => {
  let guarded: RunningProcess;
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  beforeAll(async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'keys.json');
    const sha256 = createHash('sha256').update('open-sesame').digest('hex');
    writeFileSync(path, JSON.stringify([{ sha256, tenant: 'acme', objectives: ['standard'] }]));
    guarded = await startGateway({ ENDPOINTS: engine.url, API_KEYS_FILE: path });
  });

  test.each([
    ['no key', 401, 'invalid_api_key', {}],
    ['a wrong key', 401, 'invalid_api_key', bearer('guess')],
    ['an objective it may not use', 403, 'priority_not_allowed', { ...bearer('open-sesame'), ...sheddable }],
  ])('%s: %i %s', async (_, status, code, headers) => {
    const answer = await ask(guarded.url, { headers });
    expect([answer.status, errorCode(answer)]).toEqual([status, code]);
    expectOpenAiError(answer);
  });

  test.each([
    ['nothing without a key', {}, 401, 'invalid_api_key'],
    ['that it is not there with one', bearer('open-sesame'), 404, 'unknown_route'],
  ])('a path that nobody has tells %s', async (_, headers, status, code) => {
    const answer = await ask(guarded.url, { path: '/v1/nothing', headers });
    expect([answer.status, errorCode(answer)]).toEqual([status, code]);
  });

  test('one that is taken out of the file is refused, one that is put in is served', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'keys.json');
    const write = (...keys: string[]) => {
      const digests = keys.map((key) => ({ sha256: createHash('sha256').update(key).digest('hex') }));
      writeFileSync(path, JSON.stringify(digests));
    };
    write('old');
    const own = await startGateway({ ENDPOINTS: engine.url, API_KEYS_FILE: path });
    const status = async (key: string) => (await ask(own.url, { headers: bearer(key) })).status;
    expect([await status('old'), await status('new')]).toEqual([200, 401]);
    write('new');
    await until(async () => (await status('new')) === 200, { what: 'the new key to be known' });
    expect(await status('old')).toBe(401);
    for (const path of ['/healthz', '/readyz', '/capacity', '/metrics']) {
      expect((await ask(own.url, { method: 'GET', path })).status).toBe(200);
    }
    expect((await ask(own.url, { method: 'GET', path: '/v1/models' })).status).toBe(401);
    expect((await ask(own.url, { method: 'GET', path: '/v1/models', headers: bearer('new') })).status).toBe(200);
  });

  test('the right one is served, under its own tenant, and stays here', async () => {
    engine.seen.length = 0;
    const headers = { ...bearer('open-sesame'), 'x-gateway-inference-fairness-id': 'liar' };
    expect((await ask(guarded.url, { headers })).status).toBe(200);
    expect(engine.seen[0]?.headers).not.toHaveProperty('authorization');
    const metrics = (await ask(guarded.url, { method: 'GET', path: '/metrics' })).body.toString();
    expect(metrics).toMatch(/llm_d_epp_request_total\{.*fairness_id="acme".*\} 1/);
  });
});

function expectOpenAiError(answer: Answer): void {
  const param = errorCode(answer) === 'model_not_found' ? 'model' : null;
  expect(json(answer)).toEqual({
    error: { message: expect.any(String), type: expect.any(String), param, code: expect.any(String) },
  });
  expect(answer.headers['x-request-id']).toMatch(/./);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
}

interface Capacity {
  saturation: number;
  readyEndpoints: number;
  queued: Record<string, number>;
  sheddable: { window: number; inFlight: number };
}

async function capacity(of: RunningProcess): Promise<Capacity> {
  return json(await ask(of.url, { method: 'GET', path: '/capacity' })) as unknown as Capacity;
}

async function saturationIs(fits: (saturation: number) => boolean, of = gateway): Promise<void> {
  await until(async () => fits((await capacity(of)).saturation), { what: 'the reading to be taken' });
}
