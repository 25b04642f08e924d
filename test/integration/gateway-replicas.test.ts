import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { call, get } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { MixedLoad } from '../support/mixed-load.ts';
import { type ModelPool, startModelPool } from '../support/model-pool.ts';
import { until } from '../support/poll.ts';

const stream = (maxTokens: number) =>
  JSON.stringify({
    model: 'sim',
    stream: true,
    max_tokens: maxTokens,
    ignore_eos: true,
    messages: [{ role: 'user', content: 'hi' }],
  });

/** Replicas know of one another by readings alone: where a page costs nothing, its period is the one that was asked for. */
const freePages = ['--metrics-ms', '0'];

test('a replica’s death loses its own streams only; the other sees their places free with its next reading', async () => {
  const pool = await startModelPool(2, 1, { replicas: 2, flags: freePages });
  const [dying, staying] = pool.gateways as [ModelPool['gateway'], ModelPool['gateway']];
  const lost = Array.from({ length: 10 }, () => call(dying.url, { body: stream(2000) }));
  const kept = Array.from({ length: 10 }, () => call(staying.url, { body: stream(600) }));
  const load = async () => {
    const { endpoints } = (await get(staying.url, '/debug/state')) as { endpoints: { load: number }[] };
    return endpoints.reduce((sum, each) => sum + each.load, 0);
  };
  await until(() => [...lost, ...kept].every((each) => each.received().length > 0), { what: 'all to stream' });
  await until(async () => (await load()) >= 20, { what: 'each to see the other’s' });
  await dying.kill('SIGKILL');
  await until(async () => (await load()) <= 10, { what: 'their places to be free' });
  expect(
    (await Promise.all(kept.map(({ answer }) => answer))).every(({ complete, status }) => complete && status === 200),
  ).toBe(true);
  expect((await Promise.all(lost.map(({ answer }) => answer))).some(({ complete }) => complete)).toBe(false);
  await until(async () => (await load()) === 0, { what: 'the pool to be idle' });
  await pool.stop();
});

test.each([1, 2, 3])(
  '%i replicas keep the engines’ queues short under sheddable work without end',
  async (replicas) => {
    const pool = await startModelPool(2, 2, { replicas, flags: ['--max-num-seqs', '8', ...freePages] });
    const load = new MixedLoad({
      urls: pool.gateways.map(({ url }) => url),
      model: 'sim',
      chatsPerSecond: 5,
      chatTokens: 40,
      callers: 150,
      sheddableTokens: 60,
      promptWords: 100,
      random: seededRandom(1),
    });
    load.start();
    const meanWaiting = async (): Promise<number> => {
      const waiting: number[] = [];
      while (waiting.length < 20) {
        await delay(50);
        const counts = await Promise.all(pool.servers.map(({ url }) => metricValue(url, 'vllm:num_requests_waiting')));
        waiting.push(...counts);
      }
      return waiting.reduce((sum, count) => sum + count, 0) / waiting.length;
    };
    await until(() => load.sheddableTokens > 5000, { what: 'the work to begin' });
    // How soon depends on how often a busy machine lets the pages be read.
    await until(async () => (await meanWaiting()) < 5, { what: 'the queues to become short' });
    const mean = await meanWaiting();
    await load.stop();
    expect(load.failed).toEqual([]);
    expect(mean).toBeLessThan(5);
    expect(load.sheddableTokens).toBeGreaterThan(5000);
    const held = async (url: string) => (await get(url, '/capacity')).sheddable as { inFlight: number };
    for (const { url } of pool.gateways) expect((await held(url)).inFlight).toBe(0);
    await pool.stop();
  },
);
