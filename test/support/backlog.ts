import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startInstantUpstream } from './instant-upstream.ts';
import { startModelPool } from './model-pool.ts';
import { until } from './poll.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { connectPubSub } from './pubsub.ts';

export interface BacklogOptions {
  readonly messages: number;
  /** Share of deliveries that Pub/Sub makes twice. */
  readonly duplicateRate?: number;
  /**
   * Killed with SIGKILL once half of the results are there, and started again; but a model server stays dead. With one to kill, the
   * upstream is our gateway before two simulated model servers instead of one that answers at once.
   */
  readonly kill?: 'function' | 'pubsub' | 'model-server';
  readonly timeoutMs?: number;
}

export interface BacklogReport {
  readonly messages: number;
  readonly answered: number;
  readonly succeeded: number;
  readonly lost: readonly string[];
  /** Requests with more than one result. */
  readonly answeredTwice: number;
  /** Of those, the ones for which the upstream was called again; the others are one result, published or delivered twice. */
  readonly calledTwice: number;
  readonly deadLettered: number;
  readonly seconds: number;
}

/** Publishes a backlog, lets the function work it off, and counts what came out. */
export async function workOff(options: BacklogOptions): Promise<BacklogReport> {
  const folder = mkdtempSync(join(tmpdir(), 'backfill-backlog-'));
  const dataFile = join(folder, 'pubsub.db');
  const knobs = ['--data', dataFile, '--duplicate-rate', String(options.duplicateRate ?? 0)];
  const pool = options.kill === 'model-server' ? await startModelPool(2, 50) : undefined;
  const instant = pool ? undefined : await startInstantUpstream();
  let pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0', ...knobs]);
  const bus = connectPubSub(pubsub);
  for (const topic of ['requests', 'retries', 'results', 'dead']) await bus.createTopic(topic);
  const environment = {
    ...bus.environment,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    INFERENCE_GATEWAY_URL: pool?.gateway.url ?? instant?.url ?? '',
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    DEAD_LETTER_TOPIC: 'dead',
    CAPACITY_SOURCES: pool ? 'gateway' : 'none',
  };
  let worker = await startProcess('functions/processor/main.ts', [], { ...environment, PORT: '0' });
  const results = new Map<string, number>();
  let succeeded = 0;
  let deadLettered = 0;
  await bus.collect('results', ({ attributes }) => {
    const name = attributes.name ?? '';
    results.set(name, (results.get(name) ?? 0) + 1);
    if (results.get(name) === 1 && attributes.status === 'succeeded') succeeded += 1;
  });
  await bus.collect('dead', () => (deadLettered += 1));
  await bus.pushFrom('requests', 'requests-push', worker.url);
  await bus.pushFrom('retries', 'retries', worker.url);

  const startedAtMs = performance.now();
  const names = Array.from({ length: options.messages }, (_, index) => `request-${index}`);
  const topic = bus.client.topic('requests', { batching: { maxMessages: 500, maxMilliseconds: 5 } });
  await Promise.all(names.map((name) => topic.publishMessage({ data: Buffer.from(body(name)), attributes: { name } })));
  if (options.kill) {
    await until(() => results.size >= options.messages / 2, {
      what: 'half of the results',
      timeoutMs: options.timeoutMs ?? 120_000,
    });
    if (options.kill === 'function') worker = await restart(worker, 'functions/processor/main.ts', [], environment);
    if (options.kill === 'pubsub') pubsub = await restart(pubsub, 'infra/local/pubsub/main.ts', knobs);
    await pool?.servers[0]?.kill('SIGKILL');
  }
  const complete = () => results.size >= options.messages;
  await until(complete, { what: 'a result for every message', timeoutMs: options.timeoutMs ?? 120_000 }).catch(
    () => {},
  );
  const seconds = (performance.now() - startedAtMs) / 1000;
  await Promise.all([worker.kill(), bus.close()]);
  await Promise.all([pubsub.kill(), instant?.close(), pool?.stop()]);
  rmSync(folder, { recursive: true });
  const twice = names.filter((name) => (results.get(name) ?? 0) > 1);
  return {
    messages: options.messages,
    answered: results.size,
    succeeded,
    lost: names.filter((name) => !results.has(name)),
    answeredTwice: twice.length,
    calledTwice: twice.filter((name) => (instant?.callsFor(name) ?? 0) > 1).length,
    deadLettered,
    seconds: Math.round(seconds * 10) / 10,
  };
}

/** `kill -9`, and again on the same port: the push endpoint and the clients' address stay. */
async function restart(
  old: RunningProcess,
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningProcess> {
  await old.kill('SIGKILL');
  const { port } = new URL(old.url);
  const portArgs = script.includes('pubsub') ? ['--port', port] : [];
  return startProcess(script, [...portArgs, ...args], { ...environment, PORT: port });
}

function body(name: string): string {
  return JSON.stringify({
    model: 'sim',
    max_tokens: 16,
    user: name,
    messages: [{ role: 'user', content: `Classify ${name}.` }],
  });
}
