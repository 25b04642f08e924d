import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startBalancer } from '../support/balancer.ts';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { connectPubSub } from '../support/pubsub.ts';
import { answering, startScriptedUpstream } from '../support/scripted-upstream.ts';

const messages = 60;
const shortMs = 8000;
const folder = mkdtempSync(join(tmpdir(), 'backfill-kills-'));
const upstream = await startScriptedUpstream();
const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
const bus = connectPubSub(pubsub);
for (const topic of ['requests', 'retries', 'results']) await bus.createTopic(topic);
const start = (port: string): Promise<RunningProcess> =>
  startProcess('functions/processor/main.ts', [], {
    ...bus.environment,
    HOST: '127.0.0.1',
    PORT: port,
    LOG_LEVEL: 'warn',
    INFERENCE_GATEWAY_URL: upstream.url,
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    CAPACITY_SOURCES: 'none',
    MAX_IN_FLIGHT: '2',
    ESCALATION_OBJECTIVE: 'urgent',
    STORE: `file:${folder}`,
    REPLAY: 'true',
  });
const instances = await Promise.all([start('0'), start('0')]);
const balancer = await startBalancer(instances.map(({ url }) => url));

afterAll(async () => {
  await balancer.close();
  await bus.close();
  upstream.close();
  rmSync(folder, { recursive: true });
});

test('instances die again and again: each message has one outcome, by the deadline of its first publish', async () => {
  const outcomes = new Map<string, { readonly outcome: string; readonly atMs: number }[]>();
  await bus.collect('results', ({ attributes: { id = '', status, error_code = '' } }) => {
    const told = { outcome: `${status} ${error_code}`.trim(), atMs: Date.now() };
    outcomes.set(id, [...(outcomes.get(id) ?? []), told]);
  });
  upstream.play((call, response, index) => {
    const timer = setTimeout(() => answering(200)(call, response, index), 300);
    response.on('close', () => clearTimeout(timer));
  });
  for (const topic of ['requests', 'retries']) await bus.pushFrom(topic, topic, balancer.url);
  const topic = bus.client.topic('requests');
  const publishedAtMs = Date.now();
  const data = Buffer.from(JSON.stringify({ model: 'm', messages: [] }));
  // More with short windows than both instances can answer in time beside the kills.
  const windows = { short: `${shortMs / 1000}s`, long: '1h' };
  for (const [name, window] of Object.entries(windows)) {
    for (let each = 0; each < messages; each += 1) {
      await topic.publishMessage({ data, attributes: { id: `${name}-${each}`, window } });
    }
  }
  let kills = 0;
  while (outcomes.size < 2 * messages) {
    const seen = outcomes.size;
    await until(() => outcomes.size >= Math.min(2 * messages, seen + 15), { what: 'results', timeoutMs: 120_000 });
    const turn = kills % instances.length;
    const { port } = new URL(instances[turn]!.url);
    await instances[turn]!.kill('SIGKILL');
    instances[turn] = await start(port);
    kills += 1;
  }
  expect(kills).toBeGreaterThan(2);
  for (const [id, told] of outcomes) {
    const distinct = [...new Set(told.map(({ outcome }) => outcome))];
    expect(distinct, id).toHaveLength(1);
    if (id.startsWith('long')) expect(distinct, id).toEqual(['succeeded']);
    if (distinct[0] === 'failed DEADLINE_EXCEEDED') {
      expect(told[0]!.atMs, id).toBeGreaterThanOrEqual(publishedAtMs + shortMs);
    }
  }
});
