import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { saturationOf } from '../../shared/inference-gateway/saturation.ts';
import { type Job, ModelledServer } from './modelled-server.ts';

export interface PlainGatewayOptions {
  readonly servers: number;
  readonly seed: number;
  /** Real-time requests a second at this instant. */
  readonly realtimePerSecond: (sinceStartMs: number) => number;
}

/** What the pool looked like, ten times a second. */
export interface PoolSample {
  readonly sinceStartMs: number;
  readonly waiting: number;
  readonly asyncRunning: number;
}

const tickMs = 50;
const meanOutputTokens = 56;

/**
 * An Inference Gateway as it stands before a pool without ours: it sends to the least loaded server, refuses sheddable requests while the
 * mean over servers of max(waiting/5, KV cache/0.8) is 1 or more, and exposes the pool's averages. Real-time users are inside it.
 */
export async function startPlainGateway({ servers: count, seed, realtimePerSecond }: PlainGatewayOptions) {
  const servers = Array.from({ length: count }, () => new ModelledServer());
  const random = seededRandom(seed);
  const startedAtMs = performance.now();
  const samples: PoolSample[] = [];
  const realtimeWaitsMs: number[] = [];
  const calls = new Map<string, number>();
  const asyncJobs = new Set<Job>();
  let shed = 0;
  let lastTickMs = startedAtMs;

  const outputTokens = (): number => Math.round(meanOutputTokens * (0.5 + random()));
  const place = (job: Job): ModelledServer => {
    const server = servers.reduce((least, other) => (other.load < least.load ? other : least));
    server.add(job);
    return server;
  };
  const saturation = (): number => mean(servers.map(({ waiting, kvCache }) => saturationOf(waiting.length, kvCache)));

  const tick = setInterval(() => {
    const nowMs = performance.now();
    const elapsedMs = nowMs - lastTickMs;
    lastTickMs = nowMs;
    for (const server of servers) server.advance(elapsedMs, nowMs);
    const due = poisson((realtimePerSecond(nowMs - startedAtMs) * elapsedMs) / 1000, random);
    for (let index = 0; index < due; index += 1) {
      const tokens = outputTokens();
      const job: Job = {
        outputTokens: tokens,
        tokensLeft: tokens,
        arrivedAtMs: nowMs,
        startedAtMs: undefined,
        onDone: () => realtimeWaitsMs.push((job.startedAtMs ?? nowMs) - job.arrivedAtMs),
      };
      place(job);
    }
    samples.push({
      sinceStartMs: nowMs - startedAtMs,
      waiting: servers.reduce((sum, server) => sum + server.waiting.length, 0),
      asyncRunning: asyncJobs.size,
    });
  }, tickMs);

  const infer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (saturation() >= 1) {
      shed += 1;
      response.writeHead(429, { 'x-llm-d-request-dropped-reason': 'rejected-saturated' }).end();
      return;
    }
    const { user } = JSON.parse(Buffer.concat(chunks).toString()) as { user: string };
    calls.set(user, (calls.get(user) ?? 0) + 1);
    const tokens = outputTokens();
    const job: Job = {
      outputTokens: tokens,
      tokensLeft: tokens,
      arrivedAtMs: performance.now(),
      startedAtMs: undefined,
      onDone: () => {
        const usage = { prompt_tokens: 20, completion_tokens: tokens };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices: [], usage }));
      },
    };
    const server = place(job);
    asyncJobs.add(job);
    response.once('close', () => {
      asyncJobs.delete(job);
      server.leave(job);
    });
  };
  const http = createServer((request, response) => {
    if (request.method === 'POST') return void infer(request, response).catch(() => response.destroy());
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(page());
  });
  const page = (): string =>
    [
      gauge('inference_pool_average_kv_cache_utilization', mean(servers.map(({ kvCache }) => kvCache))),
      gauge('inference_pool_average_queue_size', mean(servers.map(({ waiting }) => waiting.length))),
      gauge('inference_pool_ready_pods', count),
    ].join('');
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    samples,
    /** How long each finished real-time request stood in a server's queue. */
    realtimeWaitsMs,
    shed: () => shed,
    callsFor: (name: string) => calls.get(name) ?? 0,
    close: () => {
      clearInterval(tick);
      http.closeAllConnections();
      return new Promise<void>((closed) => http.close(() => closed()));
    },
  };
}

function gauge(name: string, value: number): string {
  return `# TYPE ${name} gauge\n${name}{name="pool"} ${value}\n`;
}

/** Source: Knuth, The Art of Computer Programming, volume 2, 3.4.1. */
function poisson(expected: number, random: () => number): number {
  const limit = Math.exp(-expected);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
