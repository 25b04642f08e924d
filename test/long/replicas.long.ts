import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { metricValue } from '../support/metric-value.ts';
import { MixedLoad } from '../support/mixed-load.ts';
import { startModelPool } from '../support/model-pool.ts';
import { report } from '../support/report.ts';

const seconds = Number(process.env.REPLICA_SECONDS ?? 60);
const seed = Number(process.env.SEED ?? 1);
const profile = 'rtx4090-llama3.1-8b';

interface Outcome {
  readonly ttftP95Ms: number;
  readonly tokensPerSecond: number;
}

/** The same users and the same backlog before one, two and three replicas of the gateway. */
test(`one, two and three replicas on one pool, ${seconds} s each`, async () => {
  const outcomes: Outcome[] = [];
  for (const replicas of [1, 2, 3]) outcomes.push(await measure(replicas));
  const [one] = outcomes as [Outcome, ...Outcome[]];
  for (const { ttftP95Ms, tokensPerSecond } of outcomes) {
    expect(ttftP95Ms).toBeLessThan(Math.max(1000, one.ttftP95Ms * 2));
    expect(tokensPerSecond).toBeGreaterThan(one.tokensPerSecond * 0.7);
  }
});

async function measure(replicas: number): Promise<Outcome> {
  const env = { METRICS_REFRESH_MS: '250' };
  const pool = await startModelPool(2, 1, { replicas, env, flags: ['--profile', profile] });
  const load = new MixedLoad({
    urls: pool.gateways.map(({ url }) => url),
    model: 'sim',
    chatsPerSecond: 4,
    chatTokens: 100,
    callers: 400,
    sheddableTokens: 150,
    promptWords: 200,
    random: seededRandom(seed),
  });
  load.start();
  await delay((seconds * 1000) / 2);
  load.reset();
  const waiting: number[] = [];
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < seconds * 1000) {
    await delay(500);
    waiting.push(...(await Promise.all(pool.servers.map(({ url }) => metricValue(url, 'vllm:num_requests_waiting')))));
  }
  const [ttftMs, tokensPerSecond] = [load.ttftMs.toSorted((a, b) => a - b), load.sheddableTokens / seconds];
  const evicted = await Promise.all(pool.gateways.map(({ url }) => metricValue(url, 'backfill_evicted_tokens_total')));
  await load.stop();
  await pool.stop();
  expect(load.failed).toEqual([]);
  const quantile = (share: number) => ttftMs[Math.floor(ttftMs.length * share)] ?? Number.NaN;
  report(`${replicas} replicas, ${profile} × 2, seed ${seed}`, {
    'real-time requests': ttftMs.length,
    'TTFT p50 ms': quantile(0.5).toFixed(0),
    'p95 ms': quantile(0.95).toFixed(0),
    'sheddable tokens a second': tokensPerSecond.toFixed(0),
    'tokens thrown away': evicted.reduce((sum, tokens) => sum + tokens, 0),
    'waiting in an engine, mean': (waiting.reduce((sum, count) => sum + count, 0) / waiting.length).toFixed(2),
    most: Math.max(...waiting),
  });
  return { ttftP95Ms: quantile(0.95), tokensPerSecond };
}
