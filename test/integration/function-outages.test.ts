import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type FunctionWorld, startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering } from '../support/scripted-upstream.ts';

const world: FunctionWorld = await startFunctionWorld({ MAX_WAIT_SECONDS: '0.1', REQUEST_TIMEOUT_SECONDS: '20' });
afterAll(() => world.close());
beforeEach(() => world.upstream.play(answering(200)));

const readiness = async (): Promise<string> => (await fetch(`${world.service().url}/readyz`)).text();

test('five messages in a row open the breaker, a probe that goes well closes it', async () => {
  await world.restart({});
  world.upstream.play(answering(503));
  for (let message = 0; message < 5; message += 1) expect(await world.push()).toBe(204);
  expect(await readiness()).toContain('breaker open');
  expect(await world.metric(/^async_breaker_open\{.*chat/)).toBe(1);
  const openedAtMs = performance.now();
  const statuses = await Promise.all(Array.from({ length: 8 }, () => world.push()));
  // Probes are at least a second apart: on a busy machine some are due meanwhile, and each is answered by its retry.
  const probesDue = Math.floor((performance.now() - openedAtMs) / 1000);
  expect(statuses.filter((status) => status !== 503).length).toBeLessThanOrEqual(probesDue);
  expect(world.upstream.calls.length).toBeLessThanOrEqual(5 + probesDue + 1);
  expect(world.published('dead')).toEqual([]);

  world.upstream.play(answering(200));
  await until(async () => (await world.push()) === 204, { what: 'a probe' });
  expect(await readiness()).toBe('ready\n');
  expect(await world.push()).toBe(204);
});

describe('an unreachable gateway costs no attempt', () => {
  test.each([
    ['no listener', 'http://127.0.0.1:1'],
    ['no such host', 'http://nowhere.invalid'],
    ['no TLS', world.upstream.url.replace('http:', 'https:')],
  ])('%s', async (id, INFERENCE_GATEWAY_URL) => {
    await world.restart({ INFERENCE_GATEWAY_URL });
    const data = { id, payload: { messages: [] } };
    for (let message = 0; message < 8; message += 1) expect(await world.push({ data })).toBe(503);
    expect([world.has('retries', id), world.has('results', id)]).toEqual([false, false]);
    expect(world.upstream.calls).toEqual([]);
    expect(await readiness()).toContain('gateway unreachable');
  });
});

test('a connection that is never made is given up, and costs no attempt', async () => {
  const silent = createServer((socket) => socket.on('error', () => socket.destroy()));
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
  const { port } = silent.address() as AddressInfo;
  await world.restart({ INFERENCE_GATEWAY_URL: `https://127.0.0.1:${port}`, LOG_LEVEL: 'debug' });
  expect(await world.push({ data: { id: 'no handshake', payload: { messages: [] } } })).toBe(503);
  expect([world.has('retries', 'no handshake'), world.has('results', 'no handshake')]).toEqual([false, false]);
  await until(() => world.service().output().includes('no connection within 10000 ms'), {
    what: 'the reason in the log',
  });
  silent.close();
});

test('a thousand busy deliveries and more, and then room: one attempt', async () => {
  await world.restart({ MAX_WAIT_SECONDS: '0', CAPACITY_REFRESH_SECONDS: '0.05' });
  world.upstream.play(answering(429));
  const push = { data: { id: 'a thousand times', payload: { messages: [] } }, messageId: 'a thousand times' };
  // However fast they are, until the gateway was asked more than once.
  for (let delivery = 0; delivery < 1000 || world.upstream.calls.length < 2; delivery += 1) {
    expect(await world.push(push)).toBe(429);
  }
  world.upstream.play(answering(200));
  await until(async () => (await world.push(push)) === 204, { what: 'room' });
  expect((await world.arrived('results', 'a thousand times')).attributes).toMatchObject({ attempts: '1' });
  expect([world.has('retries', 'a thousand times'), world.has('dead', 'a thousand times')]).toEqual([false, false]);
});

describe('a topic that cannot be published to', () => {
  test('gives the message back, pauses, and needs no second call once it works', async () => {
    await world.restart({ RESULT_TOPIC: 'late-results' });
    const push = { data: { id: 'kept', payload: { messages: ['kept'] } }, messageId: 'kept' };
    expect(await world.push(push)).toBe(503);
    expect(await readiness()).toContain('topic failing: late-results');
    expect(await world.push()).toBe(503);
    const calls = () => world.upstream.calls.filter(({ body }) => body.includes('kept')).length;
    expect(calls()).toBe(1);

    await fetch(`${world.pubsub.url}/v1/projects/test/topics/late-results`, { method: 'PUT' });
    expect(await world.push(push)).toBe(204);
    expect(calls()).toBe(1);
    expect(await world.push()).toBe(204);
    expect(await readiness()).toBe('ready\n');
  });

  test('a dead letter that cannot be published holds the result back', async () => {
    await world.restart({ DEAD_LETTER_TOPIC: 'late-dead' });
    const push = { data: { id: 'held', payload: 5 }, messageId: 'held' };
    expect(await world.push(push)).toBe(503);
    expect(world.has('results', 'held')).toBe(false);
    await fetch(`${world.pubsub.url}/v1/projects/test/topics/late-dead`, { method: 'PUT' });
    expect(await world.push(push)).toBe(204);
    await world.arrived('results', 'held');
  });
});

describe('SIGTERM', () => {
  test('at the very moment at which it says that it listens is a drain as well', async () => {
    const signaller = `import fs from 'node:fs';
      const write = fs.write;
      fs.write = (...given) => {
        if (String(given[1]).includes('listening on')) process.kill(process.pid, 'SIGTERM');
        return write(...given);
      };`;
    await world.restart({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(signaller)}` });
    expect(await world.service().exited).toBe(0);
  });

  test('lets a call finish, takes nothing new, and exits 0', async () => {
    await world.restart({});
    const held: (() => void)[] = [];
    world.upstream.play((call, response) => held.push(() => answering(200)(call, response, 0)));
    const running = world.push({ data: { id: 'finishing', payload: { messages: [] } } });
    await until(() => held.length === 1, { what: 'the call' });
    const exited = world.service().kill();
    await until(async () => (await world.push().catch(() => 0)) === 503, { what: 'the drain' });
    expect(await readiness()).toBe('draining\n');
    held[0]?.();
    expect(await running).toBe(204);
    expect(await exited).toBe(0);
    await world.arrived('results', 'finishing');
  });

  test('answers 503 in time although a publish hangs', async () => {
    // It takes the connection and says nothing.
    const silent = createServer((socket) => socket.on('error', () => socket.destroy()));
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const { port } = silent.address() as AddressInfo;
    await world.restart({ PUBSUB_EMULATOR_HOST: `127.0.0.1:${port}`, DRAIN_SECONDS: '0.5' });
    const running = world.push({ data: { id: 'hanging publish', payload: { messages: [] } } });
    await until(() => world.upstream.calls.length === 1, { what: 'the call' });
    const exited = world.service().kill();
    expect(await running).toBe(503);
    expect(await exited).toBe(0);
    silent.close();
  });

  test('lets a call finish for as long as the platform allows', async () => {
    await world.restart({ DRAIN_SECONDS: '60' });
    const held: (() => void)[] = [];
    world.upstream.play((call, response) => held.push(() => answering(200)(call, response, 0)));
    const running = world.push({ data: { id: 'long', payload: { messages: [] } } });
    await until(() => held.length === 1, { what: 'the call' });
    const exited = world.service().kill();
    const stopped = performance.now();
    // Longer than by default.
    await until(() => performance.now() - stopped > 10_000, { what: 'the time' });
    held[0]?.();
    expect(await running).toBe(204);
    expect(await exited).toBe(0);
  });

  test('gives back what cannot finish in its time', async () => {
    await world.restart({ DRAIN_SECONDS: '1' });
    world.upstream.play(() => undefined);
    const running = world.push({ data: { id: 'unfinished', payload: { messages: [] } } });
    await until(() => world.upstream.calls.length === 1, { what: 'the call' });
    const exited = world.service().kill();
    expect(await running).toBe(503);
    expect(await exited).toBe(0);
    expect([world.has('retries', 'unfinished'), world.has('results', 'unfinished')]).toEqual([false, false]);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'and then %s ends it at once, with 1 and its log written',
    async (second) => {
      await world.restart({});
      world.upstream.play(() => undefined);
      const running = world.push({ data: { id: 'cut off', payload: { messages: [] } } }).catch(() => 'cut off');
      await until(() => world.upstream.calls.length === 1, { what: 'the call' });
      const exited = world.service().kill();
      await until(async () => (await readiness()) === 'draining\n', { what: 'the drain' });
      world.service().kill(second);
      expect(await exited).toBe(1);
      expect(await running).toBe('cut off');
      expect(world.service().output()).toContain('"event":"draining"');
    },
  );
});

test('an uncaught error: calls under way may finish, the log says it, and the process ends with 1', async () => {
  const thrower = 'process.on("SIGUSR2",()=>{throw new Error("unforeseen")})';
  await world.restart({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(thrower)}` });
  const held: (() => void)[] = [];
  world.upstream.play((call, response) => held.push(() => answering(200)(call, response, 0)));
  const running = world.push({ data: { id: 'finishing all the same', payload: { messages: [] } } });
  await until(() => held.length === 1, { what: 'the call' });
  const exited = world.service().kill('SIGUSR2');
  await until(async () => (await world.push().catch(() => 0)) === 503, { what: 'the drain' });
  // A second error while it drains cuts nothing off.
  process.kill(world.service().pid, 'SIGUSR2');
  const errors = () => world.service().output().split('"event":"uncaught_exception"').length - 1;
  await until(() => errors() === 2, { what: 'the second error in the log' });
  held[0]?.();
  expect(await running).toBe(204);
  expect(await exited).toBe(1);
  expect(world.service().output()).toContain('"event":"uncaught_exception"');
});
