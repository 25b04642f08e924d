import { startModelPool } from '../../support/model-pool.ts';
import { until } from '../../support/poll.ts';
import type { TrialProcessor } from '../../support/trials/processors.ts';
import { startTrialBus } from '../../support/trials/trial-bus.ts';

const [count, outputTokens, nearSeconds, farSeconds] = [250, 100, 20, 3600];
const patienceMs = 3 * 60_000;

/** Requests with much time, and right after them as many of the same tenant with little: how many are answered in time, and how many never. */
export async function deadlinesMet(processor: TrialProcessor): Promise<readonly string[]> {
  const flags = ['--model', 'm', '--max-num-seqs', '8'];
  const pool = await startModelPool(2, 1, { flags, env: { METRICS_REFRESH_MS: '250', LOG_REQUESTS: 'none' } });
  const bus = await startTrialBus();
  const started = await bus.start(processor, { gatewayUrl: pool.gateway.url, capacitySource: 'gateway' });
  const idsOf = (name: string) => Array.from({ length: count }, (_, index) => `${name}-${index}`);
  const [far, near] = [idsOf('far'), idsOf('near')];
  await bus.publish(far, farSeconds, { outputTokens });
  const nearAtMs = performance.now();
  await bus.publish(near, nearSeconds, { outputTokens });
  const all = () => bus.results.size >= 2 * count;
  await until(all, { what: 'all results', timeoutMs: patienceMs }).catch(() => {});
  const inTime = (ids: readonly string[], seconds: number) =>
    ids.filter((id) => {
      const result = bus.results.get(id);
      return result?.isSuccess && result.atMs <= nearAtMs + seconds * 1000;
    }).length;
  const figures = [inTime(near, nearSeconds), inTime(far, farSeconds), 2 * count - bus.results.size];
  await started.stop();
  await bus.close();
  await pool.stop();
  return figures.map(String);
}
