import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess } from './processes.ts';
import { connectPubSub } from './pubsub.ts';

export interface TwoPoolsOptions {
  /** Whether the other pool, which is full, has a backlog too. */
  readonly besideFullPool: boolean;
  readonly messages: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface TwoPoolsRound {
  readonly perSecond: number;
  /** Results of the full pool: none is due. */
  readonly ofFullPool: number;
}

const inferenceMs = 1000;

/** How much a pool with room gets done, alone or beside one that is full, through one function. */
export async function measureFreePool(options: TwoPoolsOptions): Promise<TwoPoolsRound> {
  const [free, full] = await Promise.all([startPool(0.2), startPool(1.2)]);
  const folder = mkdtempSync(join(tmpdir(), 'backfill-pools-'));
  const subscriptionsFile = join(folder, 'subscriptions.json');
  const override = { INFERENCE_GATEWAY_URL: full.url, INFERENCE_POOL: 'full' };
  writeFileSync(subscriptionsFile, JSON.stringify({ 'full-push': override }));
  const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const bus = connectPubSub(pubsub);
  for (const topic of ['free', 'full', 'retries', 'results']) await bus.createTopic(topic);
  const results: Record<string, number> = { free: 0, full: 0 };
  await bus.collect('results', ({ attributes }) => {
    results[attributes.pool ?? ''] = (results[attributes.pool ?? ''] ?? 0) + 1;
  });
  const worker = await startProcess('functions/processor/main.ts', [], {
    ...bus.environment,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'warn',
    INFERENCE_GATEWAY_URL: free.url,
    INFERENCE_POOL: 'free',
    SUBSCRIPTIONS_FILE: subscriptionsFile,
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    CAPACITY_SOURCES: 'gateway',
  });
  const publish = async (name: string): Promise<void> => {
    await bus.pushFrom(name, `${name}-push`, worker.url);
    const topic = bus.client.topic(name, { batching: { maxMessages: 500, maxMilliseconds: 5 } });
    const data = Buffer.from(JSON.stringify({ model: 'm', messages: [] }));
    const attributes = { pool: name };
    await Promise.all(Array.from({ length: options.messages }, () => topic.publishMessage({ data, attributes })));
  };
  if (options.besideFullPool) await publish('full');
  await publish('free');
  await delay(options.warmUpMs);
  const before = results.free ?? 0;
  const startedAtMs = performance.now();
  await delay(options.measureMs);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const round = { perSecond: ((results.free ?? 0) - before) / seconds, ofFullPool: results.full ?? 0 };
  await Promise.all([worker.kill('SIGKILL'), bus.close()]);
  await Promise.all([pubsub.kill(), free.close(), full.close()]);
  rmSync(folder, { recursive: true });
  return round;
}

/** A gateway that says how full it is, and refuses all when it is full. */
async function startPool(saturation: number) {
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ saturation, readyEndpoints: 4, asOf: new Date().toISOString() }));
      return;
    }
    request.resume().on('end', () => {
      if (saturation >= 1) return void response.writeHead(429).end();
      const timer = setTimeout(() => response.end('{"choices":[]}'), inferenceMs);
      response.once('close', () => clearTimeout(timer));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}
