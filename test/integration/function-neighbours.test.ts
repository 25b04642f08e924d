import { afterAll, describe, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { connectPubSub } from '../support/pubsub.ts';
import { answering, startScriptedUpstream } from '../support/scripted-upstream.ts';

const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
const bus = connectPubSub(pubsub);
const started: RunningProcess[] = [];
afterAll(async () => {
  await Promise.all([bus.close(), ...started.map((process) => process.kill('SIGKILL'))]);
  await pubsub.kill();
});
const patience = { timeoutMs: 100_000 };

/** A function between a Pub/Sub that pushes and a scripted upstream. `name` keeps scenarios apart. */
async function startScenario(name: string, settings: Readonly<Record<string, string>>) {
  const upstream = await startScriptedUpstream();
  const topics = {
    requests: `${name}-requests`,
    retries: `${name}-retries`,
    results: `${name}-results`,
    dead: `${name}-dead`,
  };
  for (const topic of Object.values(topics)) await bus.createTopic(topic);
  const results: Record<string, string>[] = [];
  const dead: Record<string, string>[] = [];
  await bus.collect(topics.results, ({ attributes }) => results.push(attributes));
  await bus.collect(topics.dead, ({ attributes }) => dead.push(attributes));
  const worker = await startProcess('functions/processor/main.ts', [], {
    ...bus.environment,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'warn',
    INFERENCE_GATEWAY_URL: upstream.url,
    RESULT_TOPIC: topics.results,
    RETRY_TOPIC: topics.retries,
    DEAD_LETTER_TOPIC: topics.dead,
    CAPACITY_SOURCES: 'none',
    ...settings,
  });
  started.push(worker);
  await bus.pushFrom(topics.requests, `${name}-requests-push`, worker.url);
  await bus.pushFrom(topics.retries, `${name}-retries-push`, worker.url);
  const publish = (tenant: string, count: number): Promise<unknown> => {
    const data = Buffer.from(
      JSON.stringify({ model: tenant, messages: [{ role: 'user', content: 'x' }], max_tokens: 32 }),
    );
    const topic = bus.client.topic(topics.requests);
    return Promise.all(Array.from({ length: count }, () => topic.publishMessage({ data, attributes: { tenant } })));
  };
  return { upstream, worker, publish, results, dead };
}

test('messages of one tenant that always fail leave another its results, and become dead letters', {
  timeout: 240_000,
}, async () => {
  const { upstream, publish, results, dead } = await startScenario('poison', {
    MAX_ATTEMPTS: '3',
    RETRY_SPAN_SECONDS: '0',
  });
  upstream.play((call, response, index) => answering(call.body.includes('poison') ? 500 : 200)(call, response, index));
  await publish('poison', 8);
  await until(() => upstream.calls.length >= 5, { what: 'five failures', ...patience });
  await publish('healthy', 22);
  const ofHealthy = () => results.filter(({ tenant, status }) => tenant === 'healthy' && status === 'succeeded').length;
  await until(() => ofHealthy() >= 20, { what: 'nine tenths of the results' });
  await until(() => dead.length >= 8, { what: 'the dead letters', ...patience });
  expect(dead.map(({ error_code, attempts }) => [error_code, attempts])).toEqual(
    Array(8).fill(['ATTEMPTS_EXHAUSTED', '3']),
  );
  await until(() => ofHealthy() === 22, { what: 'the last results', ...patience });
});

describe('four messages of a producer at a low rate outlive', { timeout: 120_000 }, () => {
  test.each([
    [
      'a proxy without an endpoint',
      answering(503, 'no healthy upstream'),
      { MAX_ATTEMPTS: '1', RETRY_SPAN_SECONDS: '0' },
    ],
    ['a model server that answers 503', answering(503), { MAX_ATTEMPTS: '1', RETRY_SPAN_SECONDS: '60' }],
  ])('%s', async (name, failing, settings) => {
    const { upstream, publish, results, dead } = await startScenario(name.replaceAll(' ', '-'), settings);
    upstream.play((call, response, index) => (index < 8 ? failing : answering(200))(call, response, index));
    await publish('t', 4);
    await until(() => results.length >= 4, { what: 'the results', ...patience });
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('succeeded'));
    expect(dead).toEqual([]);
  });
});

test('a model server that refuses what it cannot queue costs no attempt and opens no breaker', {
  timeout: 120_000,
}, async () => {
  const engine = await startProcess('infra/local/model-server/main.ts', [
    ...['--port', '0', '--model', 't', '--speed', '20', '--max-num-seqs', '1', '--max-num-queued-reqs', '1'],
  ]);
  started.push(engine);
  const { worker, publish, results } = await startScenario('admission', {
    INFERENCE_GATEWAY_URL: engine.url,
    CAPACITY_REFRESH_SECONDS: '0.1',
  });
  await publish('t', 30);
  await until(() => results.length >= 30, { what: 'the results', ...patience });
  expect(new Set(results.map(({ status, attempts }) => `${status} ${attempts}`))).toEqual(new Set(['succeeded 1']));
  expect(worker.output()).not.toContain('"event":"breaker"');
  const page = await (await fetch(`${worker.url}/metrics`)).text();
  expect(page).toMatch(/^async_gate_decisions_total\{verdict="wait",reason="shed",.*\} [1-9]/m);
});
