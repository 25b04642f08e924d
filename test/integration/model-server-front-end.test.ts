import { expect, test } from 'vitest';
import { ask, type CallOptions, call, json } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';

const start = (...flags: string[]) => startProcess('infra/local/model-server/main.ts', ['--port', '0', ...flags]);
const messages = [{ role: 'user', content: 'hello there' }];
const busy = { type: 'Service Unavailable', code: 503, message: expect.stringContaining('currently busy') };

function of(path: string, body: object): CallOptions {
  return { path, body: JSON.stringify({ ...body, ignore_eos: true }) };
}

/** What was sent before is on the server's side after it. */
async function settle(url: string): Promise<void> {
  for (let round = 0; round < 3; round += 1) await ask(url, { method: 'GET', path: '/health' });
}

test('what the front end holds neither runs nor waits, and comes to the engine one by one', async () => {
  const server = await start('--front-end-ms', '600', '--metrics-ms', '0');
  const running = () => metricValue(server.url, 'vllm:num_requests_running');
  const waiting = () => metricValue(server.url, 'vllm:num_requests_waiting');
  const endless = of('/v1/completions', { prompt: 'Once', max_tokens: 50_000 });
  const calls = Array.from({ length: 3 }, () => call(server.url, endless));
  await settle(server.url);
  expect([await running(), await waiting()]).toEqual([0, 0]);
  expect(await until(async () => (await running()) || undefined, { what: 'the first to run' })).toBe(1);
  await until(async () => (await running()) === 3, { what: 'all to run' });
  for (const each of calls) each.leave();
});

test('SIGTERM ends it at once, though requests are in the front end', async () => {
  const server = await start('--front-end-ms', '1000000');
  const held = call(server.url, of('/v1/chat/completions', { messages }));
  await settle(server.url);
  expect(await server.kill('SIGTERM')).toBe(0);
  await expect(held.answer).rejects.toThrow();
});

test('a client that leaves the front end never reaches the engine', async () => {
  const server = await start('--front-end-ms', '3000', '--metrics-ms', '0');
  const leaving = call(server.url, of('/v1/completions', { prompt: 'Once', max_tokens: 1 }));
  await settle(server.url);
  leaving.leave();
  expect((await ask(server.url, of('/v1/completions', { prompt: 'Once', max_tokens: 2 }))).status).toBe(200);
  await until(async () => (await metricValue(server.url, 'http_requests_total')) === 2, { what: 'both to end' });
  expect(await metricValue(server.url, 'vllm:request_success_total')).toBe(1);
  expect(await metricValue(server.url, 'vllm:generation_tokens_total')).toBe(2);
});

test('a full engine refuses what comes later with 503, and the streams that came together with an event', async () => {
  const server = await start('--front-end-ms', '600', '--metrics-ms', '0', '--max-num-queued-reqs', '1');
  const holder = call(server.url, of('/v1/completions', { prompt: 'Once', max_tokens: 50_000 }));
  await settle(server.url);
  // They pass the first look, because the holder is still in the front end.
  const [chat, anthropic, response, whole] = [
    of('/v1/chat/completions', { messages, stream: true }),
    of('/v1/messages', { messages, max_tokens: 3, stream: true }),
    of('/v1/responses', { input: 'a', stream: true }),
    of('/v1/chat/completions', { messages }),
  ].map((options) => call(server.url, options).answer);
  await until(async () => (await metricValue(server.url, 'vllm:admission_rejections_total')) === 4, {
    what: 'four refusals',
  });
  const [event, done] = (await chat!).body.toString().split('\n\n');
  expect([JSON.parse(event!.slice('data: '.length)), done]).toMatchObject([{ error: busy }, 'data: [DONE]']);
  expect((await anthropic!).body.toString()).toMatch(/^event: error\ndata: \{"type":"error"/);
  expect((await response!).body.toString()).toMatch(/event: response.in_progress\ndata: .*\n\n$/);
  expect((await response!).complete).toBe(false);
  const streams = await Promise.all([chat!, anthropic!, response!]);
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await whole!).status).toBe(503);
  expect(json(await whole!)).toMatchObject({ error: busy });

  const later = await ask(server.url, of('/v1/chat/completions', { messages, stream: true }));
  expect(later.status).toBe(503);
  expect(json(later)).toMatchObject({ error: busy });
  holder.leave();
  await until(async () => (await metricValue(server.url, 'vllm:num_requests_running')) === 0, {
    what: 'a free engine',
  });
  expect((await ask(server.url, of('/v1/chat/completions', { messages, max_tokens: 1 }))).status).toBe(200);
});

let server: RunningProcess | undefined;

test.each([
  ['no-healthy-upstream', 503, /^no healthy upstream$/],
  ['connection-failure', 503, /^upstream connect error .* reset reason: remote connection failure$/],
  ['overflow', 503, /^upstream connect error .* reset reason: overflow$/],
  ['connection-termination', 503, /^upstream connect error .* reset reason: connection termination$/],
  ['request-timeout', 504, /^upstream request timeout$/],
  ['stream-timeout', 504, /^stream timeout$/],
])('x-fault: envoy=%s', async (name, status, text) => {
  server ??= await start();
  const answer = await ask(server.url, {
    ...of('/v1/chat/completions', { messages }),
    headers: { 'x-fault': `envoy=${name}` },
  });
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject({ server: 'envoy', 'content-type': 'text/plain' });
  expect(answer.headers.vary).toBeUndefined();
  expect(answer.headers['x-envoy-overloaded']).toBe(name === 'overflow' ? 'true' : undefined);
  expect(answer.body.toString()).toMatch(text);
});
