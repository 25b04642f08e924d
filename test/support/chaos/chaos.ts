import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { until } from './poll.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { connectPubSub } from './pubsub.ts';
import { startSlowUpstream } from './slow-upstream.ts';

export interface ChaosOptions {
  readonly messages: number;
  readonly lastsMs: number;
  readonly seed: number;
  /** Between two kills, of whatever process. */
  readonly pauseMs: { readonly least: number; readonly most: number };
}

export interface ChaosReport {
  readonly answered: number;
  readonly succeeded: number;
  readonly lost: readonly string[];
  readonly deadLettered: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly answeredTwice: number;
  /** Of those: the upstream answered twice, the result was published twice though it answered once, or one publish was delivered twice. */
  readonly calledTwice: number;
  readonly publishedTwice: number;
  readonly deliveredTwice: number;
  /** Medians over the second and the last third of the time, in MB. */
  readonly memory: Readonly<Record<string, readonly [second: number, last: number]>>;
  readonly seconds: number;
}

/** Each process that may die, with how it is started on its port. */
interface Part {
  readonly start: (port: string) => Promise<RunningProcess>;
  process: RunningProcess;
}

/** A backlog while the function, Pub/Sub, Monitoring and the gateway are each killed with SIGKILL and started again, at random. */
export async function workOffInChaos({ messages, lastsMs, seed, pauseMs }: ChaosOptions): Promise<ChaosReport> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'backfill-chaos-'));
  const upstream = await startSlowUpstream(2000);
  const parts = new Map<string, Part>();
  const run = async (name: string, start: Part['start']): Promise<RunningProcess> => {
    const process = await start('0');
    parts.set(name, { start, process });
    return process;
  };
  const dataArgs = ['--data', join(folder, 'pubsub.db')];
  const pubsub = await run('pubsub', (port) =>
    startProcess('infra/local/pubsub/main.ts', ['--port', port, ...dataArgs]),
  );
  const gateway = await run('gateway', (PORT) =>
    startProcess('gateway/main.ts', [], { ENDPOINTS: upstream.url, HOST: '127.0.0.1', PORT, LOG_LEVEL: 'error' }),
  );
  const scrape = ['--scrape', gateway.url, '--interval-seconds', '5', '--delay-seconds', '5'];
  const monitoring = await run('monitoring', (port) =>
    startProcess('infra/local/monitoring/main.ts', ['--port', port, ...scrape]),
  );
  const bus = connectPubSub(pubsub);
  for (const topic of ['requests', 'retries', 'results', 'dead']) await bus.createTopic(topic);
  const environment = {
    ...bus.environment,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    INFERENCE_GATEWAY_URL: gateway.url,
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    DEAD_LETTER_TOPIC: 'dead',
    CAPACITY_SOURCES: 'flow-control,pool',
    MONITORING_API_ENDPOINT: new URL(monitoring.url).host,
  };
  const worker = await run('function', (PORT) =>
    startProcess('functions/processor/main.ts', [], { ...environment, PORT }),
  );

  /** Of each request, the message ids of its results as they came. */
  const results = new Map<string, string[]>();
  let succeeded = 0;
  let deadLettered = 0;
  await bus.collect('results', ({ id, attributes }) => {
    const name = attributes.name ?? '';
    const ids = results.get(name) ?? [];
    if (ids.length === 0 && attributes.status === 'succeeded') succeeded += 1;
    results.set(name, [...ids, id]);
  });
  await bus.collect('dead', () => (deadLettered += 1));
  await bus.pushFrom('requests', 'requests-push', worker.url);
  await bus.pushFrom('retries', 'retries', worker.url);
  const names = Array.from({ length: messages }, (_, index) => `request-${index}`);
  const topic = bus.client.topic('requests', { batching: { maxMessages: 500, maxMilliseconds: 5 } });
  await Promise.all(
    names.map((name) =>
      topic.publishMessage({
        data: Buffer.from(JSON.stringify({ model: 'm', user: name, messages: [] })),
        attributes: { name },
      }),
    ),
  );

  const startedAtMs = performance.now();
  const sinceMs = (): number => performance.now() - startedAtMs;
  const kills: Record<string, number> = {};
  const memory: { readonly atMs: number; readonly name: string; readonly megabytes: number }[] = [];
  const sampling = setInterval(() => {
    for (const name of ['function', 'pubsub']) {
      const megabytes = residentMegabytes(parts.get(name)!.process.pid);
      if (megabytes !== undefined) memory.push({ atMs: sinceMs(), name, megabytes });
    }
  }, 2000);
  while (sinceMs() < lastsMs) {
    await delay(pauseMs.least + random() * (pauseMs.most - pauseMs.least));
    const name = [...parts.keys()][Math.floor(random() * parts.size)]!;
    const part = parts.get(name)!;
    kills[name] = (kills[name] ?? 0) + 1;
    await part.process.kill('SIGKILL');
    await delay(random() * 3000);
    part.process = await part.start(new URL(part.process.url).port);
  }
  clearInterval(sampling);
  const complete = () => results.size >= messages;
  await until(complete, { what: 'a result for every message', timeoutMs: lastsMs * 2 }).catch(() => {});
  const seconds = Math.round(sinceMs() / 1000);
  await bus.close();
  await Promise.all([...parts.values()].map(({ process }) => process.kill('SIGKILL')));
  await upstream.close();
  rmSync(folder, { recursive: true });

  const twice = names.filter((name) => (results.get(name)?.length ?? 0) > 1);
  const calledTwice = twice.filter((name) => upstream.answersTo(name) > 1);
  const others = twice.filter((name) => upstream.answersTo(name) <= 1);
  const publishedTwice = others.filter((name) => new Set(results.get(name)).size > 1);
  const third = (name: string, from: number): number => {
    const inside = memory.filter(
      (each) => each.name === name && each.atMs >= (lastsMs * from) / 3 && each.atMs < (lastsMs * (from + 1)) / 3,
    );
    return median(inside.map(({ megabytes }) => megabytes));
  };
  return {
    answered: results.size,
    succeeded,
    lost: names.filter((name) => !results.has(name)),
    deadLettered,
    kills,
    answeredTwice: twice.length,
    calledTwice: calledTwice.length,
    publishedTwice: publishedTwice.length,
    deliveredTwice: others.length - publishedTwice.length,
    memory: {
      function: [third('function', 1), third('function', 2)],
      pubsub: [third('pubsub', 1), third('pubsub', 2)],
    },
    seconds,
  };
}

/** Undefined for a process that is dead. */
function residentMegabytes(pid: number): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return found === undefined ? undefined : Math.round(Number(found) / 1024);
  } catch {
    return undefined;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
