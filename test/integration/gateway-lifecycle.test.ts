import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ask, call, errorCode, get, sheddable, startGateway } from '../support/gateway-client.ts';
import { endpointState, inFlight, servedBy } from '../support/gateway-state.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import {
  answerAtOnce,
  type Script,
  type ScriptedEngine,
  startEngine,
  vllmMetrics,
} from '../support/scripted-engine.ts';

const afterMs =
  (ms: number): Script =>
  async (answer, seen) => {
    await delay(ms);
    await answerAtOnce(answer, seen);
  };

/** An endpoints file that is replaced atomically, and a gateway that follows it. */
async function follow(engines: readonly ScriptedEngine[], env: Readonly<Record<string, string>> = {}) {
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'endpoints.json');
  const write = (...wanted: readonly ScriptedEngine[]) => {
    writeFileSync(`${path}.new`, listOf(wanted));
    renameSync(`${path}.new`, path);
  };
  write(...engines);
  const gateway = await startGateway({ ENDPOINTS_FILE: path, ...env });
  const replace = async (...wanted: readonly ScriptedEngine[]) => {
    write(...wanted);
    await members(gateway, wanted);
  };
  return { gateway, path, replace };
}

function listOf(engines: readonly ScriptedEngine[]): string {
  return JSON.stringify(engines.map(({ url }) => ({ url })));
}

async function members(gateway: RunningProcess, engines: readonly ScriptedEngine[]): Promise<void> {
  const wanted = engines.map(({ host }) => host).sort();
  const are = async () =>
    ((await get(gateway.url, '/debug/state')).endpoints as { host: string }[]).map(({ host }) => host).sort();
  await until(async () => (await are()).join() === wanted.join(), { what: `the endpoints ${wanted}` });
}

describe('a stream whose endpoint is removed', () => {
  test('goes on to its end, beside the same endpoint added again; then its connection is closed', async () => {
    let finish = (): void => {};
    let closed = false;
    const engine = await startEngine({
      script: (answer) => {
        answer.writeHead(200, { 'content-type': 'text/event-stream' });
        answer.write('data: 1\n\n');
        answer.socket?.once('close', () => {
          closed = true;
        });
        finish = () => answer.end('data: 2\n\n');
      },
    });
    const { gateway, replace } = await follow([engine]);
    const stream = call(gateway.url);
    await until(() => stream.received().length > 0, { what: 'the stream to begin' });
    await replace();
    expect(errorCode(await ask(gateway.url))).toBe('no_endpoints');
    await replace(engine);
    engine.script = answerAtOnce;
    expect((await ask(gateway.url)).status).toBe(200);
    expect([await inFlight(gateway), closed, engine.seen[0]?.open]).toEqual([0, false, true]);
    finish();
    expect(await stream.answer).toMatchObject({ complete: true, body: Buffer.from('data: 1\n\ndata: 2\n\n') });
    await until(() => closed, { what: 'the old connection to be closed' });
    expect((await ask(gateway.url)).status).toBe(200);
  });
});

test.each(['/healthz', '/readyz', '/v1/models', '/metrics'])('HEAD %s is its GET without the body', async (path) => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const [head, whole] = await Promise.all(['HEAD', 'GET'].map((method) => ask(gateway.url, { method, path })));
  expect([head?.status, head?.body.length]).toEqual([whole?.status, 0]);
  expect(head?.headers['content-type']).toBe(whole?.headers['content-type']);
});

test('from nothing to some and back: who waits is told at once, who runs is served to the end', async () => {
  const full = vllmMetrics({ running: 1, waiting: 50, kvCache: 1 });
  const engine = await startEngine({ metrics: full, script: afterMs(500) });
  const { gateway, replace } = await follow([], { SHEDDABLE_WAIT_SECONDS: '30' });
  expect(errorCode(await ask(gateway.url))).toBe('no_endpoints');
  await replace(engine);
  await until(async () => ((await get(gateway.url, '/capacity')).saturation as number) > 1, { what: 'a reading' });
  const running = call(gateway.url);
  await until(() => engine.seen.length === 1, { what: 'the request to run' });
  const waiting = call(gateway.url, { headers: sheddable });
  const queued = async () => ((await get(gateway.url, '/capacity')).queued as Record<string, number>)['-1'];
  await until(async () => (await queued()) === 1, { what: 'it to wait' });
  await replace();
  const refused = await waiting.answer;
  expect([refused.status, errorCode(refused)]).toEqual([503, 'no_endpoints']);
  expect(refused.headers).toMatchObject({ 'x-llm-d-request-dropped-reason': 'rejected-no-endpoints' });
  expect((await running.answer).status).toBe(200);
  engine.metrics = vllmMetrics();
  await replace(engine);
  expect((await ask(gateway.url)).status).toBe(200);
});

test('one set for another: who waits goes on waiting', async () => {
  const full = vllmMetrics({ running: 1, waiting: 50, kvCache: 1 });
  const [old, fresh] = await Promise.all([startEngine({ metrics: full }), startEngine()]);
  const { gateway, replace } = await follow([old], { SHEDDABLE_WAIT_SECONDS: '30' });
  await until(async () => ((await get(gateway.url, '/capacity')).saturation as number) > 1, { what: 'a reading' });
  const waiting = call(gateway.url, { headers: sheddable });
  await until(async () => ((await get(gateway.url, '/capacity')).queued as Record<string, number>)['-1'] === 1, {
    what: 'it to wait',
  });
  await replace(fresh);
  expect((await waiting.answer).headers['x-gateway-destination-endpoint-served']).toBe(fresh.host);
});

test('a mounted ConfigMap, whose files are links through a folder that is swapped, is read again', async () => {
  const [one, two] = await Promise.all([startEngine(), startEngine()]);
  const mount = mkdtempSync(join(tmpdir(), 'gateway-'));
  const publish = (version: string, engines: readonly ScriptedEngine[]) => {
    mkdirSync(join(mount, version));
    writeFileSync(join(mount, version, 'endpoints.json'), listOf(engines));
    symlinkSync(version, join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
  };
  publish('..1', [one]);
  symlinkSync(join('..data', 'endpoints.json'), join(mount, 'endpoints.json'));
  const gateway = await startGateway({ ENDPOINTS_FILE: join(mount, 'endpoints.json') });
  await members(gateway, [one]);
  publish('..2', [two]);
  await members(gateway, [two]);
});

test.each(['latency', 'least-request', 'round-robin', 'random', 'gie'])(
  'an endpoint that is added gets traffic gradually: %s',
  async (policy) => {
    const script = afterMs(20);
    const [one, two, fresh] = await Promise.all([1, 2, 3].map(() => startEngine({ script })));
    if (!one || !two || !fresh) throw new Error('three were started');
    const { gateway, replace } = await follow([one, two], { POLICY: policy });
    let isOver = false;
    const users = Array.from({ length: 16 }, async () => {
      while (!isOver) expect((await ask(gateway.url)).status).toBe(200);
    });
    await until(() => one.seen.length + two.seen.length > 50, { what: 'traffic' });
    await replace(one, two, fresh);
    const before = one.seen.length + two.seen.length;
    await until(() => one.seen.length + two.seen.length - before > 150, { what: 'more traffic' });
    expect(fresh.seen.length).toBeGreaterThan(0);
    expect(fresh.seen.length).toBeLessThan((one.seen.length + two.seen.length - before) / 4);
    expect(await endpointState(gateway, fresh)).toMatchObject({ usable: true, condition: 'starting' });
    isOver = true;
    await Promise.all(users);
  },
);

test('an engine that restarts, again and again, costs nobody an answer', async () => {
  const steady = await startEngine();
  let flapping = await startEngine();
  const { port } = new URL(flapping.url);
  const gateway = await startGateway({ ENDPOINTS: `${steady.url},${flapping.url}`, POLICY: 'round-robin' });
  let isOver = false;
  let served = 0;
  const users = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      expect((await ask(gateway.url)).status).toBe(200);
      served += 1;
    }
  });
  for (let restart = 0; restart < 3; restart += 1) {
    await flapping.stop();
    const before = served;
    await until(() => served > before + 20, { what: 'service without it' });
    flapping = await startEngine({ port: Number(port) });
    await until(() => flapping.seen.length > 0, { what: 'it to be used again' });
  }
  isOver = true;
  await Promise.all(users);
  expect(await endpointState(gateway, flapping)).toMatchObject({ condition: 'starting' });
  expect(await inFlight(gateway)).toBe(0);
});

test('a slow endpoint gets less, and holds up nobody else', async () => {
  const [slow, fast] = await Promise.all([startEngine({ script: afterMs(400) }), startEngine({ script: afterMs(10) })]);
  const gateway = await startGateway({ ENDPOINTS: `${slow.url},${fast.url}` });
  const users = Array.from({ length: 8 }, async () => {
    for (let request = 0; request < 20; request += 1) expect((await ask(gateway.url)).status).toBe(200);
  });
  await Promise.all(users);
  expect(slow.seen.length).toBeGreaterThan(0);
  expect(slow.seen.length).toBeLessThan(fast.seen.length / 2);
  expect(await endpointState(gateway, slow)).toMatchObject({ condition: 'ready' });
});

test('requests go where their LoRA adapter is in memory, and elsewhere when that endpoint is away', async () => {
  const adapters = (names: string) =>
    `${vllmMetrics()}vllm:lora_requests_info{max_lora="4",running_lora_adapters="${names}",waiting_lora_adapters=""} 1\n`;
  const models = ['m', 'lora'];
  const [without, loaded] = await Promise.all([
    startEngine({ models, metrics: adapters('other') }),
    startEngine({ models, metrics: adapters('other,lora') }),
  ]);
  const gateway = await startGateway({ ENDPOINTS: `${without.url},${loaded.url}`, POLICY: 'round-robin' });
  for (let request = 0; request < 10; request += 1) await ask(gateway.url, { body: '{"model":"lora"}' });
  expect([without.seen.length, loaded.seen.length]).toEqual([0, 10]);
  expect(await servedBy(gateway, 4)).toEqual(new Set([without.host, loaded.host]));
  await loaded.stop();
  expect((await ask(gateway.url, { body: '{"model":"lora"}' })).headers).toMatchObject({
    'x-gateway-destination-endpoint-served': without.host,
  });
});

test('a metrics page without end leaves its endpoint usable, without a reading', async () => {
  const engine = await startEngine({ metrics: vllmMetrics().repeat(100_000) });
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  expect((await ask(gateway.url)).status).toBe(200);
  expect(await endpointState(gateway, engine)).toMatchObject({ usable: true, engine: null });
});
