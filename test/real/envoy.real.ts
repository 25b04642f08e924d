import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask, type CallOptions, call, errorCode, json, sheddable, startGateway } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { until } from '../support/poll.ts';
import { type Script, type ScriptedEngine, startEngine, vllmMetrics } from '../support/scripted-engine.ts';
import { envoyBinary, startEnvoy } from './support/real-envoy.ts';

const binary = envoyBinary();

interface WorldOptions {
  readonly engines?: number;
  readonly watchedPercent?: number;
  readonly env?: Readonly<Record<string, string>>;
}

async function setUp({ engines: count = 2, watchedPercent = 100, env = {} }: WorldOptions = {}) {
  const engines: ScriptedEngine[] = [];
  for (let index = 0; index < count; index += 1) engines.push(await startEngine());
  const startPicker = (port = '0') =>
    startGateway({
      ENDPOINTS: engines.map(({ url }) => url).join(),
      EXT_PROC_PORT: port,
      EXT_PROC_HEALTH_PORT: '0',
      ...env,
    });
  const picker = await startPicker();
  const pickerPort = Number(/"event":"picker_listening","port":(\d+)/.exec(picker.output())?.[1]);
  const envoy = await startEnvoy({
    binary: binary ?? '',
    pickerPort,
    engines: engines.map(({ host }) => host),
    watchedPercent,
  });
  return { engines, picker, envoy, restart: () => startPicker(`${pickerPort}`) };
}

/** A stream of tokens that goes on until it is told to end. */
function openStream(): { script: Script; end(): void } {
  let isOver = false;
  return {
    script: async (answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let index = 0; !isOver; index += 1) {
        answer.write(`data: {"token":${index}}\n\n`);
        await new Promise((next) => setTimeout(next, 5));
      }
      answer.end('data: {"usage":{"prompt_tokens":3,"completion_tokens":9}}\n\ndata: [DONE]\n\n');
    },
    end: () => {
      isOver = true;
    },
  };
}

const stream = '{"model":"m","stream":true,"messages":[]}';
const interactive = { 'x-gateway-inference-objective': 'interactive' };

/** One engine that runs two streams of async work and has another one in its own queue, which the picker knows. */
async function fullWorld() {
  const { engines, envoy, picker } = await setUp({ engines: 1, watchedPercent: 0 });
  const engine = engines[0]!;
  const { script, end } = openStream();
  engine.script = script;
  const held = Array.from({ length: 3 }, () => call(envoy.url, { body: stream, headers: sheddable }));
  await until(() => held.every((each) => each.received().length > 0), { what: 'all to run' });
  let readings = 0;
  Object.defineProperty(engine, 'metrics', {
    configurable: true,
    get: () => {
      readings += 1;
      return vllmMetrics({ running: 2, waiting: 1 });
    },
    set: (text: string) => Object.defineProperty(engine, 'metrics', { value: text }),
  });
  await until(() => readings >= 4, { what: 'the picker to learn that' });
  return { engine, envoy, picker, held, end };
}

async function queued(pickerUrl: string): Promise<boolean> {
  const { queued: counts } = json(await ask(pickerUrl, { method: 'GET', path: '/capacity' }));
  return Object.values(counts as Record<string, number>).some((count) => count > 0);
}

describe.skipIf(binary === undefined)('behind Envoy', () => {
  test('a chat: the body whole, the head’s endpoint and id, the answer byte for byte, and its usage', async () => {
    const { engines, envoy, picker } = await setUp();
    const answer = await ask(envoy.url, {
      body: '{"model":"m","messages":[{"role":"user","content":"hi"}]}',
      headers: { 'x-request-id': 'r-1' },
    });
    expect([answer.status, answer.body.toString()]).toEqual([
      200,
      '{"choices":[{"text":"hi"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}',
    ]);
    const served = engines.find(({ seen }) => seen.length > 0)!;
    expect(answer.headers).toMatchObject({
      'x-request-id': 'r-1',
      'x-gateway-destination-endpoint-served': served.host,
    });
    expect(served.seen[0]?.body.toString()).toBe('{"model":"m","messages":[{"role":"user","content":"hi"}]}');
    await until(async () => (await metricValue(picker.url, 'inference_objective_input_tokens_sum')) === 3, {
      what: 'the usage',
    });
  });

  test.each<[string, CallOptions, number, string | undefined]>([
    ['no JSON', { body: 'no healthy upstream' }, 400, 'invalid_request'],
    ['a model that none has', { body: '{"model":"other"}' }, 404, 'model_not_found'],
    ['a path that is not served', { path: '/v1/other' }, 404, 'unknown_route'],
    [
      'an objective that is not configured',
      { headers: { 'x-llm-d-inference-objective': 'x' } },
      400,
      'unknown_objective',
    ],
    ['GET', { method: 'GET', path: '/v1/models' }, 200, undefined],
  ])('%s', async (_, options, status, code) => {
    const { envoy } = await setUp();
    const answer = await ask(envoy.url, options);
    expect([answer.status, answer.status === 200 ? undefined : errorCode(answer)]).toEqual([status, code]);
  });

  test('bodies of 1 and of 16 MB, and one that is too large', async () => {
    const { engines, envoy } = await setUp({ env: { MAX_BODY_BYTES: '20000000' } });
    for (const sizeBytes of [1_000_000, 16_000_000]) {
      const body = `{"model":"m","prompt":"${'x'.repeat(sizeBytes)}"}`;
      const answer = await ask(envoy.url, { path: '/v1/completions', body });
      expect(answer.status).toBe(200);
      expect(engines.flatMap(({ seen }) => seen).at(-1)?.body.length).toBe(body.length);
    }
    const answer = await ask(envoy.url, { body: Buffer.alloc(21_000_000, ' ') });
    expect([answer.status, errorCode(answer)]).toEqual([413, 'request_too_large']);
  });

  test('a name for a model is rewritten to another length', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'names-')), 'models.json');
    await writeFile(file, '{"a-name-that-is-long":[{"model":"m"}]}');
    const { engines, envoy } = await setUp({ env: { MODELS_FILE: file } });
    expect((await ask(envoy.url, { body: '{"model":"a-name-that-is-long"}' })).status).toBe(200);
    expect(engines.flatMap(({ seen }) => seen).map(({ body }) => body.toString())).toEqual(['{"model":"m"}']);
    const list = await ask(envoy.url, { method: 'GET', path: '/v1/models' });
    expect(json(list).data).toMatchObject([{ id: 'm' }, { id: 'a-name-that-is-long' }]);
  });

  test.each([0, 100])('streams pass whole, percent watched: %s', async (watchedPercent) => {
    const { engines, envoy } = await setUp({ watchedPercent });
    for (const engine of engines) {
      engine.script = (answer) => {
        answer.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let index = 0; index < 500; index += 1) answer.write(`data: ${index}${'x'.repeat(1000)}\n\n`);
        answer.end('data: [DONE]\n\n');
      };
    }
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(envoy.url, { body: stream })));
    const written = engines.flatMap(({ seen }) => seen).map(({ written: pieces }) => Buffer.concat(pieces).length);
    expect(answers.map(({ complete, body }) => [complete, body.length])).toEqual(
      answers.map(() => [true, (written[0] ?? 0) + 'data: [DONE]\n\n'.length]),
    );
  });

  test('a request waits in the picker beyond Envoy’s message timeout, and gets its place', async () => {
    const { engine, envoy, picker, held, end } = await fullWorld();
    const sinceMs = performance.now();
    const waits = ask(envoy.url, { body: '{"model":"m","messages":[]}', headers: sheddable });
    await until(() => queued(picker.url), { what: 'it to wait' });
    engine.script = (answer) => void answer.end('{}');
    // Envoy's message timeout is a second.
    await until(() => performance.now() - sinceMs > 1500, { what: 'Envoy’s patience to be tried' });
    engine.metrics = vllmMetrics();
    end();
    expect((await waits).status).toBe(200);
    for (const each of held) expect((await each.answer).complete).toBe(true);
  });

  test('the pool’s state is told through the proxy', async () => {
    const { envoy, picker } = await setUp();
    const [through, straight] = await Promise.all(
      [envoy.url, picker.url].map((url) => ask(url, { method: 'GET', path: '/capacity' })),
    );
    const { asOf: _, ...told } = json(through!);
    expect(json(straight!)).toMatchObject(told);
  });

  test('an engine that dies between two readings costs no request anything', async () => {
    const { engines, envoy } = await setUp({ engines: 3, env: { METRICS_REFRESH_MS: '600000' } });
    const [first] = engines;
    await first!.stop();
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(envoy.url)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ headers }) => headers['x-gateway-destination-endpoint-served']))).not.toContain(
      first!.host,
    );
  });

  test('a connection that breaks before the answer’s head costs no client anything, and another engine answers', async () => {
    const { engines, envoy } = await setUp();
    let calls = 0;
    for (const engine of engines) {
      engine.script = (answer) => {
        calls += 1;
        if (calls === 1) answer.destroy();
        else answer.end('{"choices":[]}');
      };
    }
    const answer = await ask(envoy.url);
    expect([answer.status, answer.body.toString()]).toEqual([200, '{"choices":[]}']);
    expect(engines.map(({ seen }) => seen.length)).toEqual([1, 1]);
  });

  test('a picker that dies cuts what it watches and nothing else, and another one serves within two seconds', async () => {
    const { engines, envoy, picker, restart } = await setUp({ watchedPercent: 0 });
    const held = openStream();
    for (const engine of engines) engine.script = held.script;
    const unwatched = Array.from({ length: 5 }, () => call(envoy.url, { body: stream }));
    // Async work is always watched.
    const watched = call(envoy.url, { body: stream, headers: sheddable });
    await until(() => [...unwatched, watched].every((each) => each.received().length > 100), { what: 'all to run' });
    await picker.kill('SIGKILL');
    expect((await watched.answer).complete).toBe(false);
    expect((await ask(envoy.url)).status).toBe(503);
    await restart();
    const sinceMs = performance.now();
    for (const engine of engines) engine.script = (answer) => void answer.end('{}');
    await until(async () => (await ask(envoy.url)).status === 200, { what: 'the service to be back' });
    expect(performance.now() - sinceMs).toBeLessThan(2000);
    held.end();
    for (const each of unwatched) {
      const answer = await each.answer;
      expect([answer.status, answer.complete, answer.body.toString().endsWith('data: [DONE]\n\n')]).toEqual([
        200,
        true,
        true,
      ]);
    }
  });

  test('async work is stopped for chats, with the error as its last event', async () => {
    const { envoy, held, end } = await fullWorld();
    const chat = call(envoy.url, { body: stream, headers: { ...interactive, 'x-slo-ttft-ms': '100' } });
    await until(() => held.some((each) => each.received().includes('"code":"evicted"')), { what: 'one to be stopped' });
    await until(() => chat.received().length > 0, { what: 'the chat to run' });
    end();
    const answers = await Promise.all(held.map((each) => each.answer));
    const cut = answers.filter(({ complete }) => !complete);
    expect(cut.length).toBeGreaterThan(0);
    for (const answer of cut) expect(answer.body.toString()).toMatch(/"code":"evicted"\}\}\n\n$/);
  });

  test('clients that leave in any phase leave nothing behind', async () => {
    const { engines, envoy, picker } = await setUp();
    const held = openStream();
    for (const engine of engines) engine.script = held.script;
    for (let index = 0; index < 20; index += 1) {
      const each = call(envoy.url, { body: stream });
      if (index % 2 === 0) await until(() => each.received().length > 0, { what: 'it to run' });
      each.leave();
    }
    await until(async () => (await metricValue(picker.url, 'inference_objective_running_requests')) === 0, {
      what: 'all to have left',
    });
    await until(() => engines.every(({ seen }) => seen.every(({ open }) => !open)), {
      what: 'the engines’ work to stop',
    });
    held.end();
  });
});
