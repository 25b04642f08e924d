import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ask,
  type Call,
  type CallOptions,
  call,
  errorCode,
  get,
  sheddable,
  startGateway,
} from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { type ScriptedEngine, type Seen, startEngine, vllmMetrics } from '../support/scripted-engine.ts';

const streamed = '{"model":"m","stream":true}';
const interactive = { 'x-llm-d-inference-objective': 'interactive' };

/** An engine that runs two at once and queues the rest, whose answers end when the test says so; and a gateway that knows it. */
async function fullEngine(env: Record<string, string> = {}, options: CallOptions = { headers: sheddable }) {
  const finish = new Map<string, () => void>();
  const engine = await startEngine({
    script: (answer, { headers, body }) => {
      const id = String(headers['x-request-id']);
      const isStream = body.includes('"stream":true');
      if (isStream) {
        answer.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let token = 0; token < 3; token += 1) answer.write(`data: {"token":${token}}\n\n`);
      }
      finish.set(id, () => answer.end(isStream ? 'data: [DONE]\n\n' : '{}'));
    },
  });
  if (env.ENDPOINTS_FILE !== undefined) writeFileSync(env.ENDPOINTS_FILE, JSON.stringify([{ url: engine.url }]));
  const endpoints = env.ENDPOINTS_FILE === undefined ? { ENDPOINTS: engine.url } : {};
  const gateway = await startGateway({ ...endpoints, SHEDDABLE_WAIT_SECONDS: '20', ...env });
  const running: Call[] = [];
  for (let index = 0; index < 3; index += 1) {
    running.push(
      call(gateway.url, { ...options, headers: { ...options.headers, 'x-request-id': `running-${index}` } }),
    );
  }
  await until(() => engine.seen.length === 3, { what: 'them to run' });
  // From two readings of a queue the gateway learns that two are all it runs; one that began later tells that both are taken.
  engine.metrics = vllmMetrics({ running: 2, waiting: 1 });
  await furtherReadings(engine, 4);
  return { engine, gateway, running, finish: (id: string) => finish.get(id)?.() };
}

/** Waits until the engine's metrics were read `count` more times. */
async function furtherReadings(engine: ScriptedEngine, count: number): Promise<void> {
  let [text, reads] = [engine.metrics, 0];
  Object.defineProperty(engine, 'metrics', {
    configurable: true,
    get: () => {
      reads += 1;
      return text;
    },
    set: (next: string | undefined) => {
      text = next;
    },
  });
  await until(() => reads >= count, { what: `${count} readings` });
}

async function queued(gateway: RunningProcess, count: number): Promise<void> {
  const waiting = async () =>
    Object.values((await get(gateway.url, '/capacity')).queued as Record<string, number>).reduce(
      (sum, each) => sum + each,
      0,
    );
  await until(async () => (await waiting()) === count, { what: `${count} to wait` });
}

const idsOf = ({ seen }: ScriptedEngine) => seen.map(({ headers }: Seen) => String(headers['x-request-id']));

describe('what waits in the gateway', () => {
  test('goes by priority, whoever came first; a real-time request before any sheddable one', async () => {
    const { engine, gateway, running, finish } = await fullEngine({}, {});
    const waiting: Call[] = [];
    for (const [index, [id, headers]] of Object.entries({ shed: sheddable, standard: {}, interactive }).entries()) {
      waiting.push(call(gateway.url, { headers: { ...headers, 'x-request-id': id } }));
      await queued(gateway, index + 1);
    }
    // One place at a time: two that go at once reach the engine in any order.
    for (const [index, id] of ['interactive', 'standard'].entries()) {
      finish(`running-${index}`);
      await until(() => engine.seen.length > 3 + index, { what: `${id} to go` });
      expect(idsOf(engine).slice(3 + index)).toEqual([id]);
    }
    for (const id of ['running-2', 'interactive']) finish(id);
    engine.metrics = vllmMetrics({ running: 1 });
    await until(() => engine.seen.length === 6, { what: 'the last to go' });
    expect(idsOf(engine).at(-1)).toBe('shed');
    for (const each of [...running, ...waiting]) each.leave();
  });

  test('of two tenants goes by turns, within one by its deadline', async () => {
    const { engine, gateway, running, finish } = await fullEngine({}, {});
    const of = (tenant: string, id: string, ttftMs = 60_000): CallOptions => ({
      headers: { 'x-llm-d-inference-fairness-id': tenant, 'x-request-id': id, 'x-llm-d-slo-ttft-ms': String(ttftMs) },
    });
    const waiting: Call[] = [];
    for (const options of [of('a', 'a-late'), of('a', 'a-later', 70_000), of('a', 'a-soon', 9000), of('b', 'b')]) {
      waiting.push(call(gateway.url, options));
      await queued(gateway, waiting.length);
    }
    await until(
      () => {
        for (const id of idsOf(engine)) finish(id);
        return engine.seen.length === 7;
      },
      { what: 'all to go' },
    );
    const order = idsOf(engine).slice(3);
    expect(order.filter((id) => id.startsWith('a'))).toEqual(['a-soon', 'a-late', 'a-later']);
    expect(order.indexOf('b')).toBeLessThan(2);
    for (const each of [...running, ...waiting]) each.leave();
  });

  test('longer than QUEUE_TIMEOUT_SECONDS is refused with 429 queue_timeout', async () => {
    const { gateway, running } = await fullEngine({ QUEUE_TIMEOUT_SECONDS: '0.2' }, {});
    const answer = await ask(gateway.url);
    expect([answer.status, errorCode(answer)]).toEqual([429, 'queue_timeout']);
    expect(answer.headers).toMatchObject({
      'x-llm-d-request-dropped-reason': 'rejected-ttl-expired',
      'retry-after': expect.stringMatching(/^[1-9]\d*$/),
    });
    await queued(gateway, 0);
    for (const each of running) each.leave();
  });

  test('beyond MAX_QUEUED of its band is refused with 429 saturated; other bands have their own', async () => {
    const { gateway, running } = await fullEngine({ MAX_QUEUED: '1' }, {});
    const waiting = call(gateway.url);
    await queued(gateway, 1);
    const answer = await ask(gateway.url);
    expect([answer.status, errorCode(answer)]).toEqual([429, 'saturated']);
    expect(answer.headers['x-llm-d-request-dropped-reason']).toBe('rejected-saturated');
    const higher = call(gateway.url, { headers: interactive });
    await queued(gateway, 2);
    for (const each of [...running, waiting, higher]) each.leave();
    await queued(gateway, 0);
  });
});

test('a request whose endpoint fails waits for another that is full just now', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'endpoints.json');
  const { engine, gateway, running, finish } = await fullEngine({ ENDPOINTS_FILE: path }, {});
  const failing = await startEngine({ script: (answer) => void answer.socket?.destroy() });
  writeFileSync(path, JSON.stringify([{ url: engine.url }, { url: failing.url }]));
  await until(async () => (await get(gateway.url, '/capacity')).readyEndpoints === 2, { what: 'both' });
  const patient = call(gateway.url, { headers: { 'x-request-id': 'patient' } });
  await until(() => failing.seen.length === 1, { what: 'the first try' });
  await queued(gateway, 1);
  for (const id of idsOf(engine)) finish(id);
  await until(() => idsOf(engine).includes('patient'), { what: 'the second try' });
  finish('patient');
  expect((await patient.answer).status).toBe(200);
  expect(failing.seen).toHaveLength(1);
  for (const each of running) each.leave();
});

test('Retry-After grows with those who wait before it', async () => {
  const { gateway, running } = await fullEngine({ SHEDDABLE_WAIT_SECONDS: '0.3' });
  const alone = await ask(gateway.url, { headers: sheddable });
  const crowd = await Promise.all(Array.from({ length: 40 }, () => ask(gateway.url, { headers: sheddable })));
  const retryAfter = (answers: readonly { headers: Record<string, unknown> }[]) =>
    Math.max(...answers.map(({ headers }) => Number(headers['retry-after'])));
  expect(retryAfter([alone])).toBeGreaterThanOrEqual(1);
  expect(retryAfter(crowd)).toBeGreaterThan(retryAfter([alone]));
  expect(retryAfter(crowd)).toBeLessThanOrEqual(30);
  for (const each of running) each.leave();
});

describe('sheddable work is stopped for a request that would miss its TTFT', () => {
  const urgent = { headers: { ...interactive, 'x-llm-d-slo-ttft-ms': '200' } };

  test('before its first byte: 429 evicted', async () => {
    const { engine, gateway, running } = await fullEngine();
    const real = call(gateway.url, urgent);
    const answer = await Promise.race(running.map((each) => each.answer));
    expect([answer.status, errorCode(answer)]).toEqual([429, 'evicted']);
    expect(answer.headers).toMatchObject({
      'x-llm-d-request-dropped-reason': 'evicted-priority',
      'retry-after': expect.stringMatching(/^[1-9]\d*$/),
    });
    await until(() => engine.seen.length === 4, { what: 'the urgent one to go' });
    expect(engine.seen.slice(0, 3).filter(({ open }) => !open).length).toBeGreaterThanOrEqual(1);
    expect(
      await metricValue(gateway.url, 'inference_objective_request_error_total', { error_code: 'evicted' }),
    ).toBeGreaterThan(0);
    for (const each of [...running, real]) each.leave();
  });

  test('within its stream: an error event, no [DONE], the connection cut, its tokens counted', async () => {
    const { engine, gateway, running } = await fullEngine({}, { headers: sheddable, body: streamed });
    await until(() => running.every((each) => each.received().includes('"token":2')), { what: 'the streams to run' });
    // Streams that run fill no engine: only one that waits there shows that it has no place.
    const behind = call(gateway.url);
    await until(() => engine.seen.length === 4, { what: 'one to wait in the engine' });
    const real = call(gateway.url, urgent);
    const answer = await Promise.race(running.map((each) => each.answer));
    expect([answer.status, answer.complete]).toEqual([200, false]);
    const events = answer.body.toString().trimEnd().split('\n\n');
    expect(JSON.parse(events.at(-1)?.replace(/^data: /, '') ?? '')).toMatchObject({
      error: { code: 'evicted', type: 'rate_limit_error' },
    });
    expect(answer.body.toString()).not.toContain('[DONE]');
    expect(await metricValue(gateway.url, 'backfill_evicted_tokens_total')).toBeGreaterThanOrEqual(3);
    for (const each of [...running, real, behind]) each.leave();
  });
});

test('a service level comes from the objectives file where the request brings none, also after it is read again', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'objectives.json');
  const objectives = (ttftMs: number) => ({
    standard: { priority: 0 },
    sheddable: { priority: -1 },
    interactive: { priority: 9, ttftMs },
  });
  writeFileSync(path, JSON.stringify(objectives(600_000)));
  const { gateway, running } = await fullEngine({ OBJECTIVES_FILE: path });
  const patient = call(gateway.url, { headers: interactive });
  await queued(gateway, 1);
  writeFileSync(path, JSON.stringify(objectives(100)));
  await until(() => gateway.output().includes('the file was read again'), { what: 'it to be read' });
  expect(await metricValue(gateway.url, 'inference_objective_request_error_total', { error_code: 'evicted' })).toBe(0);
  const urgent = call(gateway.url, { headers: interactive });
  expect(errorCode(await Promise.race(running.map((each) => each.answer)))).toBe('evicted');
  for (const each of [...running, patient, urgent]) each.leave();
});

test('the autoscalers’ gauges are right while async keeps the pool full', async () => {
  const { engine, gateway, running } = await fullEngine();
  engine.metrics = vllmMetrics({ running: 2, waiting: 1, kvCache: 0.96 });
  const gauge = (name: string) => metricValue(gateway.url, name);
  await until(async () => (await gauge('inference_extension_flow_control_pool_saturation')) >= 1.2, {
    what: 'it to be full',
  });
  expect([await gauge('backfill_realtime_running_requests'), await gauge('backfill_realtime_saturation')]).toEqual([
    0, 0,
  ]);
  engine.metrics = vllmMetrics({ running: 3, kvCache: 0.96 });
  await until(async () => (await gauge('inference_pool_average_queue_size')) === 0, { what: 'the queue to be gone' });
  const real = call(gateway.url, { headers: interactive });
  await until(() => engine.seen.length === 4, { what: 'it to run, in the place of another' });
  expect(await gauge('backfill_realtime_running_requests')).toBe(1);
  expect(await gauge('backfill_realtime_saturation')).toBeCloseTo(1.2 / 3, 9);
  real.leave();
  for (const each of running) each.leave();
});
