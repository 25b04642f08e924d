import { hostsOf, startEngines } from './engines.ts';
import { type PrefixLoadOutcome, sendPrefixLoad } from './prefix-load.ts';
import type { BenchRouter } from './routers.ts';

/** Requests a second. Derived: so much the engines, a router and the load take of two cores together. */
export const rates = [4, 8, 12] as const;
const stepSeconds = Number(process.env.BENCH_STEP_SECONDS ?? 60);
const seed = 11;

/** One step of the ladder: four fresh engines, so that each router begins with the same caches. */
export async function climb(router: BenchRouter, perSecond: number): Promise<PrefixLoadOutcome> {
  const engines = await startEngines([1, 1, 1, 1]);
  const running = await router.start(hostsOf(engines));
  try {
    return await sendPrefixLoad({ url: running.url, perSecond, seconds: stepSeconds, seed });
  } finally {
    await running.stop();
    await Promise.all(engines.map((engine) => engine.kill('SIGKILL')));
  }
}

/** `TTFT mean / p90, share cached`. */
export function describeStep({ ttftMs, promptTokens, cachedTokens, failed }: PrefixLoadOutcome): string {
  const sorted = ttftMs.toSorted((a, b) => a - b);
  const mean = sorted.reduce((sum, each) => sum + each, 0) / sorted.length;
  const p90 = sorted[Math.floor(sorted.length * 0.9)] ?? Number.NaN;
  const errors = failed === 0 ? '' : `, ${failed} failed`;
  return `${mean.toFixed(0)} / ${p90.toFixed(0)} ms, ${((100 * cachedTokens) / promptTokens).toFixed(0)} %${errors}`;
}
