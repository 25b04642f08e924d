import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, call, errorCode, get, sheddable, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { startEngine, vllmMetrics } from '../support/scripted-engine.ts';

test('the endpoints file is read again; a half-written one leaves the last good set and says so', async () => {
  const [one, two] = await Promise.all([startEngine(), startEngine()]);
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'endpoints.json');
  const write = (...urls: string[]) => writeFileSync(path, JSON.stringify(urls.map((url) => ({ url, labels: {} }))));
  write(one.url);
  const gateway = await startGateway({ ENDPOINTS_FILE: path });
  const ready = async (count: number) =>
    until(async () => (await get(gateway.url, '/capacity')).readyEndpoints === count, { what: `${count} endpoints` });
  await ready(1);
  write(one.url, two.url);
  await ready(2);
  writeFileSync(path, '[{"url":"http:');
  await until(() => gateway.output().includes('the last good one stays'), { what: 'it to say so' });
  await ready(2);
  write();
  await ready(0);
  expect(errorCode(await ask(gateway.url))).toBe('no_endpoints');
  write(two.url);
  await ready(1);
  expect((await ask(gateway.url)).headers['x-gateway-destination-endpoint-served']).toBe(two.host);
});

test('an endpoint that leaves the pool finishes what it has', async () => {
  let finish = (): void => {};
  const engine = await startEngine({
    script: (answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.write('data: 1\n\n');
      finish = () => answer.end('data: 2\n\n');
    },
  });
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'endpoints.json');
  writeFileSync(path, JSON.stringify([{ url: engine.url }]));
  const gateway = await startGateway({ ENDPOINTS_FILE: path });
  const stream = call(gateway.url);
  await until(() => stream.received().length > 0, { what: 'the stream to begin' });
  writeFileSync(path, '[]');
  await until(async () => (await get(gateway.url, '/capacity')).readyEndpoints === 0, { what: 'it to leave' });
  finish();
  expect(await stream.answer).toMatchObject({ complete: true, body: Buffer.from('data: 1\n\ndata: 2\n\n') });
});

test('the models are the union of the endpoints’, and a request goes to one that serves its model', async () => {
  const [a, b, any] = await Promise.all([
    startEngine({ models: ['a', 'both'] }),
    startEngine({ models: ['b', 'both'] }),
    startEngine({ models: undefined }),
  ]);
  const two = await startGateway({ ENDPOINTS: `${a.url},${b.url}` });
  const { data } = (await get(two.url, '/v1/models')) as { data: { id: string }[] };
  expect(data.map(({ id }) => id).sort()).toEqual(['a', 'b', 'both']);
  for (let turn = 0; turn < 5; turn += 1) await ask(two.url, { body: '{"model":"b"}' });
  expect([a.seen.length, b.seen.length]).toEqual([0, 5]);
  const three = await startGateway({ ENDPOINTS: `${a.url},${any.url}` });
  expect((await ask(three.url, { body: '{"model":"unheard-of"}' })).status).toBe(200);
  expect(any.seen).toHaveLength(1);
});

test('the idle engine is preferred over the busy one, and its own requests count before the next reading', async () => {
  const busy = await startEngine({ metrics: vllmMetrics({ running: 5 }), script: () => {} });
  const idle = await startEngine({ script: () => {} });
  const gateway = await startGateway({ ENDPOINTS: `${busy.url},${idle.url}`, METRICS_REFRESH_MS: '60000' });
  // Each of them is taken to run eight.
  const calls = Array.from({ length: 9 }, () => call(gateway.url));
  await until(() => idle.seen.length + busy.seen.length === 9, { what: 'all to arrive' });
  expect(idle.seen.length).toBeGreaterThanOrEqual(7);
  expect(busy.seen.length).toBeGreaterThan(0);
  for (const each of calls) each.leave();
});

test('a Service’s name is resolved to its endpoints', async () => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS_DNS: `localhost:${new URL(engine.url).port}` });
  expect((await ask(gateway.url)).headers['x-gateway-destination-endpoint-served']).toBe(engine.host);
});

test('the objectives file is read again; one without the default objective is not taken', async () => {
  const engine = await startEngine();
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'objectives.json');
  writeFileSync(path, '{"standard":{"priority":0}}');
  const gateway = await startGateway({ ENDPOINTS: engine.url, OBJECTIVES_FILE: path });
  const urgent = async () => (await ask(gateway.url, { headers: { 'x-llm-d-inference-objective': 'urgent' } })).status;
  expect(await urgent()).toBe(400);
  writeFileSync(path, '{"urgent":{"priority":9}}');
  await until(() => gateway.output().includes('must have the default objective'), { what: 'it to be refused' });
  expect(await urgent()).toBe(400);
  writeFileSync(path, '{"standard":{"priority":0},"urgent":{"priority":9,"ttftMs":500}}');
  await until(async () => (await urgent()) === 200, { what: 'the new objective' });
});

test('one endpoint that answers no metrics stays usable and delays no other', async () => {
  const mute = await startEngine({ metrics: undefined });
  const well = await startEngine({ metrics: vllmMetrics({ running: 1 }) });
  const gateway = await startGateway({ ENDPOINTS: `${mute.url},${well.url}`, POLICY: 'round-robin' });
  await Promise.all([ask(gateway.url), ask(gateway.url)]);
  expect([mute.seen.length, well.seen.length]).toEqual([1, 1]);
  expect((await ask(gateway.url, { headers: sheddable })).status).toBe(200);
});

test('the autoscalers’ gauges leave sheddable work out; both generations of names are there', async () => {
  const engine = await startEngine({ script: () => {} });
  const gateway = await startGateway({ ENDPOINTS: engine.url, ADMIN_PORT: '0', POOL_NAME: 'p1' });
  const admin = await until(() => /debug state at (http:\/\/[^\s"]+)/.exec(gateway.output())?.[1], {
    what: 'its port',
  });
  const fairness = { 'x-llm-d-inference-fairness-id': 'acme' };
  const calls = [
    call(gateway.url, { headers: { ...fairness, ...sheddable } }),
    call(gateway.url, { headers: fairness }),
  ];
  await until(() => engine.seen.length === 2, { what: 'both to run' });
  const text = (await ask(admin, { method: 'GET', path: '/metrics' })).body.toString();
  expect(text).toContain('backfill_realtime_running_requests 1\n');
  expect(text).toContain('backfill_evicted_tokens_total 0\n');
  expect(text).toContain('inference_objective_running_requests{model_name="m"} 2\n');
  expect(text).toContain(
    'llm_d_epp_request_running{model_name="m",target_model_name="m",fairness_id="acme",priority="-1"} 1\n',
  );
  expect(text).toContain('inference_pool_per_pod_queue_size{name="p1",model_server_pod="');
  expect(text).toContain('llm_d_epp_per_endpoint_queue_size{name="p1",model_server_endpoint="');
  for (const path of ['/metrics', '/dashboard', '/debug/state']) {
    expect((await ask(gateway.url, { method: 'GET', path })).status).toBe(404);
    expect((await ask(admin, { method: 'GET', path })).status).toBe(200);
  }
  expect(await get(admin, '/capacity')).toMatchObject({ readyEndpoints: 1 });
  for (const each of calls) each.leave();
});

test('a wrong environment is told in full, and stops the start', async () => {
  await expect(
    startGateway({ ENDPOINTS: 'ftp://x', POLICY: 'best', DEFAULT_OBJECTIVE: 'none', METRICS_REFRESH_MS: 'x' }),
  ).rejects.toThrow(
    /ended with 2:[\s\S]*ENDPOINTS must[\s\S]*METRICS_REFRESH_MS must[\s\S]*POLICY must[\s\S]*DEFAULT_OBJECTIVE must/,
  );
  await expect(startGateway({})).rejects.toThrow(/exactly one of them must be set/);
  await expect(
    startGateway({ ENDPOINTS_FILE: '/nowhere', API_KEYS_FILE: '/nor/here', POLICY: 'best' }),
  ).rejects.toThrow(/POLICY must[\s\S]*ENDPOINTS_FILE must name a file[\s\S]*API_KEYS_FILE must name a file/);
  const taken = await startEngine();
  const { port } = new URL(taken.url);
  await expect(startGateway({ ENDPOINTS: taken.url, PORT: port })).rejects.toThrow(
    /ended with 2:[\s\S]*PORT and ADMIN_PORT must name an address that is free here: .*EADDRINUSE/,
  );
});
