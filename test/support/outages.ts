import { setTimeout as delay } from 'node:timers/promises';
import { until } from './poll.ts';
import { startProcess } from './processes.ts';
import { connectPubSub } from './pubsub.ts';
import { answering, type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

/** What is wrong with the gateway: it refuses connections, or gives every request the same answer. */
export interface Outage {
  readonly how: 'refused' | 503 | 429;
  readonly lastsMs: number;
}

export interface OutagesReport {
  readonly answered: number;
  readonly succeeded: number;
  readonly lost: readonly string[];
  readonly deadLettered: number;
  /** Number of results for each number of attempts. */
  readonly attempts: Readonly<Record<string, number>>;
  /** Why attempts failed, and how many for each reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Calls that reached the gateway during each outage. */
  readonly calls: readonly number[];
  /** Results that came during the outages. */
  readonly early: number;
  /** From the end of the last outage to the first and to the last result. */
  readonly secondsToFirst: number;
  readonly secondsToLast: number;
}

/** A backlog that waits through one outage after another, before the gateway answers at once. */
export async function workOffAfterOutages(messages: number, outages: readonly Outage[]): Promise<OutagesReport> {
  const upstream = await startScriptedUpstream();
  const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const bus = connectPubSub(pubsub);
  for (const topic of ['requests', 'retries', 'results', 'dead']) await bus.createTopic(topic);
  const attempts: Record<string, number> = {};
  const results = new Set<string>();
  let succeeded = 0;
  let deadLettered = 0;
  await bus.collect('results', ({ attributes }) => {
    const name = attributes.name ?? '';
    if (results.has(name)) return;
    results.add(name);
    const counted = attributes.attempts ?? '';
    attempts[counted] = (attempts[counted] ?? 0) + 1;
    if (attributes.status === 'succeeded') succeeded += 1;
  });
  await bus.collect('dead', () => (deadLettered += 1));
  await become(upstream, outages[0]?.how ?? 200);
  const worker = await startProcess('functions/processor/main.ts', [], {
    ...bus.environment,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'warn',
    INFERENCE_GATEWAY_URL: upstream.url,
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    DEAD_LETTER_TOPIC: 'dead',
    CAPACITY_SOURCES: 'none',
  });
  await bus.pushFrom('requests', 'requests-push', worker.url);
  await bus.pushFrom('retries', 'retries', worker.url);
  const names = Array.from({ length: messages }, (_, index) => `request-${index}`);
  const topic = bus.client.topic('requests', { batching: { maxMessages: 500, maxMilliseconds: 5 } });
  const data = Buffer.from(JSON.stringify({ model: 'm', messages: [] }));
  await Promise.all(names.map((name) => topic.publishMessage({ data, attributes: { name } })));
  const calls: number[] = [];
  for (const { how, lastsMs } of outages) {
    await become(upstream, how);
    const before = upstream.calls.length;
    await delay(lastsMs);
    calls.push(upstream.calls.length - before);
  }
  const early = results.size;
  await become(upstream, 200);
  const endedAtMs = performance.now();
  const secondsSince = (): number => Math.round((performance.now() - endedAtMs) / 1000);
  const patience = { what: 'results', timeoutMs: 600_000 };
  await until(() => results.size > early, patience).catch(() => {});
  const secondsToFirst = secondsSince();
  await until(() => results.size >= messages, patience).catch(() => {});
  const secondsToLast = secondsSince();
  const failures = Object.groupBy(failedAttempts(worker.output()), (why) => why);
  await Promise.all([worker.kill(), bus.close()]);
  upstream.close();
  await pubsub.kill();
  return {
    answered: results.size,
    succeeded,
    lost: names.filter((name) => !results.has(name)),
    deadLettered,
    attempts,
    failures: Object.fromEntries(Object.entries(failures).map(([why, all]) => [why, all?.length ?? 0])),
    calls,
    early,
    secondsToFirst,
    secondsToLast,
  };
}

function failedAttempts(output: string): string[] {
  const lines = output.split('\n').filter((line) => line.includes('"event":"retry"'));
  return lines.map((line) => (JSON.parse(line) as { why: string }).why);
}

/** From now on it is out, or answers at once. */
async function become(upstream: ScriptedUpstream, how: Outage['how'] | 200): Promise<void> {
  if (how === 'refused') {
    upstream.refuse();
    return;
  }
  upstream.play(answering(how, how === 200 ? '{"choices":[]}' : ''));
  await upstream.accept();
}
