import { afterAll, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering } from '../support/scripted-upstream.ts';

const secret = 'a-secret-of-a-prompt';
const world = await startFunctionWorld({ LOG_LEVEL: 'debug', MAX_WAIT_SECONDS: '0.1' });
afterAll(() => world.close());

const lines = (event: string): Record<string, unknown>[] => {
  const whole = world.service().output().split('\n').slice(0, -1);
  return whole
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.event === event);
};

test('every name of the contract is on the page, each with its pool, and nothing a producer may choose is a label', async () => {
  world.upstream.play(answering(200, `{"choices":["${secret}"],"usage":{"prompt_tokens":12,"completion_tokens":34}}`));
  const data = { id: 'told', payload: { model: 'm-1', messages: [{ role: 'user', content: secret }] } };
  const attributes = {
    tenant: 'acme',
    team: 'x',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  expect(await world.push({ data, attributes, messageId: 'told' })).toBe(204);
  world.upstream.play(answering(500));
  expect(await world.push({ data: { ...data, id: 'tried again' } })).toBe(204);
  expect(await world.push({ data: { id: 'invalid', payload: secret } })).toBe(204);
  expect(await world.push({ data: { ...data, id: 'late', deadline: 1 } })).toBe(204);
  const page = await (await fetch(`${world.service().url}/metrics`)).text();
  const pool = new URL(world.upstream.url).host;
  const samples: [string, number][] = [
    [`async_deliveries_total{status="204",pool="${pool}"}`, 4],
    [`async_requests_total{pool="${pool}",outcome="succeeded"}`, 1],
    [`async_requests_total{pool="${pool}",outcome="invalid"}`, 1],
    [`async_requests_total{pool="${pool}",outcome="expired"}`, 1],
    [`async_retries_total{pool="${pool}"}`, 1],
    [`async_gate_decisions_total{verdict="dispatch",reason="free",pool="${pool}"}`, 2],
    [`async_inflight_requests{pool="${pool}"}`, 0],
    [`async_inflight_limit{pool="${pool}"}`, 2],
    [`async_capacity_saturation{pool="${pool}"}`, 0],
    [`async_capacity_source_available{source="none",pool="${pool}"}`, 1],
    [`async_breaker_open{pool="${pool}",scope="/v1/chat/completions"}`, 0],
    [`async_message_latency_seconds_count{pool="${pool}"}`, 3],
    [`async_inference_latency_seconds_count{pool="${pool}"}`, 2],
    [`async_tokens_total{pool="${pool}",direction="prompt"}`, 12],
    [`async_tokens_total{pool="${pool}",direction="completion"}`, 34],
    [`llm_d_async_async_request_total{pool_name="${pool}",queue_name=""}`, 3],
    [`llm_d_async_async_successful_requests_total{pool_name="${pool}",queue_name=""}`, 1],
    [`llm_d_async_async_failed_requests_total{pool_name="${pool}",queue_name=""}`, 1],
    [`llm_d_async_async_exceeded_deadline_requests_total{pool_name="${pool}",queue_name=""}`, 1],
    [`llm_d_async_async_request_retries_total{pool_name="${pool}",queue_name=""}`, 1],
    [`llm_d_async_async_message_latency_time_millis_count{pool_name="${pool}",queue_name=""}`, 3],
    [`llm_d_async_async_queue_depth{pool_name="${pool}"}`, 0],
  ];
  for (const [name, value] of samples) expect(page).toContain(`\n${name} ${value}\n`);
  expect(page).toContain(`\nasync_capacity_age_seconds{pool="${pool}"} `);
  for (const text of [secret, 'm-1', 'acme', 'told', 'team']) expect(page).not.toContain(text);
});

test('each request answered and each retry is one line, joined to the message’s trace', async () => {
  await until(() => lines('request').length === 3 && lines('retry').length === 1, { what: 'the lines' });
  const pool = new URL(world.upstream.url).host;
  const told = lines('request').find(({ messageId }) => messageId === 'told');
  expect(told).toMatchObject({
    severity: 'INFO',
    outcome: 'succeeded',
    pool,
    attempts: 1,
    statusCode: 200,
    errorCode: '',
    queuedMs: expect.any(Number),
    inferenceMs: expect.any(Number),
    promptTokens: 12,
    completionTokens: 34,
    id: 'told',
    model: 'm-1',
    tenant: 'acme',
    'logging.googleapis.com/trace': 'projects/test/traces/0af7651916cd43dd8448eb211c80319c',
  });
  expect(lines('request').map(({ outcome }) => outcome)).toEqual(['succeeded', 'invalid', 'expired']);
  const ofItsCall = expect.stringMatching(/^projects\/test\/traces\/[0-9a-f]{32}$/);
  expect(lines('retry')[0]).toMatchObject({
    id: 'tried again',
    model: 'm-1',
    'logging.googleapis.com/trace': ofItsCall,
  });
  expect(lines('request')[1]).toMatchObject({ id: 'invalid' });
  expect(lines('retry')[0]).toMatchObject({ severity: 'WARNING', pool, attempts: 1, why: 'the gateway answered 500' });
  expect(lines('gate')[0]).toMatchObject({ outcome: 'open', pool, source: 'none', saturation: 0 });
  expect(world.service().output()).not.toContain(secret);
});

test('a breaker that opens and closes is two lines', async () => {
  await world.restart({});
  world.upstream.play(answering(500));
  for (let message = 0; message < 5; message += 1) await world.push();
  world.upstream.play(answering(200));
  await until(async () => (await world.push()) === 204, { what: 'a probe' });
  await until(() => lines('breaker').length === 2, { what: 'both lines' });
  expect(lines('breaker').map(({ outcome }) => outcome)).toEqual(['open', 'closed']);
  expect(lines('breaker')[0]).toMatchObject({ severity: 'ERROR', scope: '/v1/chat/completions' });
});
