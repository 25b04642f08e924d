import { startBalancer } from './balancer.ts';
import { startPlainGateway } from './plain-gateway.ts';
import { until } from './poll.ts';
import { startProcess } from './processes.ts';
import { connectPubSub } from './pubsub.ts';

export interface WaveOptions {
  /** Function processes; 0 leaves the real-time users alone. */
  readonly functions: number;
  readonly messages: number;
  readonly seed: number;
  readonly periodMs: number;
  /** For how long the wave goes on; then the pool is idle. */
  readonly lastsMs: number;
  /** Google's default sampling is 60 s, its delay up to 240. */
  readonly intervalSeconds: number;
  readonly delaySeconds: number;
}

export interface WaveReport {
  readonly answered: number;
  readonly lost: readonly string[];
  readonly deadLettered: number;
  readonly nacksPerMessage: number;
  readonly shed: number;
  /** Requests in the servers' queues while the wave went on. */
  readonly queue: { readonly mean: number; readonly p95: number; readonly max: number };
  readonly realtimeWaitMs: { readonly mean: number; readonly p99: number };
  /** When the last result was there. */
  readonly seconds: number;
  /** Answered while the wave went on. */
  readonly answeredInWave: number;
  readonly gate: readonly string[];
}

const servers = 4;
/** Real-time requests a second at which the servers have hardly a free slot. */
const fullPerSecond = 15;

/** A backlog before a plain gateway whose users come and go in a square wave, first idle, then full. */
export async function startWave(options: WaveOptions) {
  const { functions: count, messages, seed, periodMs, lastsMs } = options;
  const isFull = (sinceStartMs: number): boolean => sinceStartMs < lastsMs && sinceStartMs % periodMs >= periodMs / 2;
  const gateway = await startPlainGateway({
    servers,
    seed,
    realtimePerSecond: (sinceStartMs) => (isFull(sinceStartMs) ? fullPerSecond : 0),
  });
  const startedAtMs = performance.now();
  const monitoring = await startProcess('infra/local/monitoring/main.ts', [
    ...['--port', '0', '--scrape', gateway.url],
    ...['--interval-seconds', String(options.intervalSeconds), '--delay-seconds', String(options.delaySeconds)],
  ]);
  const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const bus = connectPubSub(pubsub);
  for (const topic of ['requests', 'retries', 'results', 'dead']) await bus.createTopic(topic);
  const results = new Set<string>();
  let deadLettered = 0;
  await bus.collect('results', ({ attributes }) => void results.add(attributes.name ?? ''));
  await bus.collect('dead', () => (deadLettered += 1));
  const start = () =>
    startProcess('functions/processor/main.ts', [], {
      ...bus.environment,
      HOST: '127.0.0.1',
      PORT: '0',
      INFERENCE_GATEWAY_URL: gateway.url,
      RESULT_TOPIC: 'results',
      RETRY_TOPIC: 'retries',
      DEAD_LETTER_TOPIC: 'dead',
      MONITORING_API_ENDPOINT: new URL(monitoring.url).host,
    });
  const workers = await Promise.all(Array.from({ length: count }, start));
  const balancer = await startBalancer(workers.map(({ url }) => url));
  if (count > 0) {
    await bus.pushFrom('requests', 'requests-push', balancer.url);
    await bus.pushFrom('retries', 'retries', balancer.url);
  }
  const names = Array.from({ length: count > 0 ? messages : 0 }, (_, index) => `request-${index}`);
  const topic = bus.client.topic('requests', { batching: { maxMessages: 500, maxMilliseconds: 5 } });
  await Promise.all(
    names.map((name) =>
      topic.publishMessage({
        data: Buffer.from(JSON.stringify({ model: 'm', user: name, messages: [] })),
        attributes: { name },
      }),
    ),
  );
  return {
    async report(timeoutMs: number): Promise<WaveReport> {
      const inWaveMs = () => performance.now() - startedAtMs;
      await until(() => inWaveMs() >= lastsMs, { what: 'the end of the wave', timeoutMs: lastsMs + 60_000 });
      const answeredInWave = results.size;
      await until(() => results.size >= names.length, { what: 'all results', timeoutMs }).catch(() => {});
      const seconds = Math.round(inWaveMs() / 1000);
      const pages = await Promise.all(workers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
      const nacks = pages.flatMap((page) => page.split('\n')).reduce((sum, line) => sum + nacksOf(line), 0);
      const waiting = gateway.samples.filter(({ sinceStartMs }) => sinceStartMs < lastsMs).map((each) => each.waiting);
      await Promise.all([...workers.map((worker) => worker.kill()), monitoring.kill(), bus.close()]);
      await Promise.all([pubsub.kill(), balancer.close(), gateway.close()]);
      return {
        answered: results.size,
        lost: names.filter((name) => !results.has(name)),
        deadLettered,
        nacksPerMessage: nacks / Math.max(1, results.size),
        shed: gateway.shed(),
        queue: { mean: mean(waiting), p95: quantile(waiting, 0.95), max: quantile(waiting, 1) },
        realtimeWaitMs: { mean: mean(gateway.realtimeWaitsMs), p99: quantile(gateway.realtimeWaitsMs, 0.99) },
        seconds,
        answeredInWave,
        gate: workers[0] ? gateChanges(workers[0].output()) : [],
      };
    },
  };
}

function nacksOf(line: string): number {
  return /^async_deliveries_total\{.*status="(429|503)"/.test(line) ? Number(line.split(' ').at(-1)) : 0;
}

function gateChanges(output: string): string[] {
  const lines = output.split('\n').filter((line) => line.includes('"event":"gate"'));
  return lines.map((line) => {
    const { time, outcome, saturation } = JSON.parse(line) as { time: string; outcome: string; saturation?: number };
    return `${time.slice(11, 19)} ${outcome} ${saturation?.toFixed(2) ?? ''}`.trim();
  });
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
