import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { MixedLoad } from '../../support/mixed-load.ts';
import { startModelPool } from '../../support/model-pool.ts';
import { until } from '../../support/poll.ts';
import type { TrialProcessor } from '../../support/trials/processors.ts';
import { startTrialBus } from '../../support/trials/trial-bus.ts';
import type { BenchRouter } from '../picker/routers.ts';

/** Requests of the backlog. */
export const messages = Number(process.env.BENCH_MESSAGES ?? 1500);
const outputTokens = 100;
const aloneMs = 60_000;
/** Before anything is measured: the gateway learns how long steps take. */
const warmUpMs = 10_000;
const patienceMs = 10 * 60_000;

/** Chats without a backlog: TTFT mean and p95, and how many failed. */
export async function chatsAlone(): Promise<readonly string[]> {
  const pool = await startPool();
  const chats = await startChats(pool);
  await delay(aloneMs);
  return ended(pool, chats);
}

/**
 * The same chats beside a backlog: until when it is drained; then as above.
 * @param router before the engines, where it is not our gateway
 */
export async function backlogBesideChats(processor: TrialProcessor, router?: BenchRouter): Promise<readonly string[]> {
  const pool = await startPool(router);
  const bus = await startTrialBus();
  const started = await bus.start(processor, { gatewayUrl: pool.url, capacitySource: router ? 'none' : 'gateway' });
  const chats = await startChats(pool);
  const beganAtMs = performance.now();
  const ids = Array.from({ length: messages }, (_, index) => `document-${index}`);
  await bus.publish(ids, 3600, { outputTokens });
  await until(() => bus.results.size >= messages, { what: 'the backlog', timeoutMs: patienceMs }).catch(() => {});
  const succeeded = [...bus.results.values()].filter(({ isSuccess }) => isSuccess);
  const lastAtMs = Math.max(...succeeded.map(({ atMs }) => atMs));
  const missing = messages - succeeded.length;
  const drained = `${((lastAtMs - beganAtMs) / 1000).toFixed(0)} s${missing > 0 ? `, ${missing} without success` : ''}`;
  const figures = await ended(pool, chats);
  await started.stop();
  await bus.close();
  return [drained, ...figures];
}

interface Pool {
  /** What chats and processors call. */
  readonly url: string;
  stop(): Promise<void>;
}

async function startPool(router?: BenchRouter): Promise<Pool> {
  const flags = ['--model', 'm', '--max-num-seqs', '16'];
  const pool = await startModelPool(2, 1, { flags, env: { METRICS_REFRESH_MS: '250', LOG_REQUESTS: 'none' } });
  const running = await router?.start(pool.servers.map(({ url }) => new URL(url).host));
  const stop = async (): Promise<void> => {
    await running?.stop();
    await pool.stop();
  };
  return { url: running?.url ?? pool.gateway.url, stop };
}

async function startChats(pool: Pool): Promise<MixedLoad> {
  const chats = new MixedLoad({
    urls: [pool.url],
    model: 'm',
    chatsPerSecond: 8,
    chatTokens: outputTokens,
    callers: 0,
    sheddableTokens: 0,
    promptWords: 400,
    random: seededRandom(5),
  });
  chats.start();
  await delay(warmUpMs);
  chats.reset();
  return chats;
}

async function ended(pool: Pool, chats: MixedLoad): Promise<readonly string[]> {
  const sorted = chats.ttftMs.toSorted((a, b) => a - b);
  await chats.stop();
  await pool.stop();
  const mean = sorted.reduce((sum, each) => sum + each, 0) / sorted.length;
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  return [`${mean.toFixed(0)} ms`, `${p95.toFixed(0)} ms`, `${chats.failed.length} of ${sorted.length}`];
}
