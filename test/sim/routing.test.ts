import { expect, test } from 'vitest';
import { generatedTrace } from './generated-traces.ts';
import { type Router, runRoutingJob } from './routing-job.ts';
import { VirtualClock } from './virtual-clock.ts';
import { workloadOf } from './workload.ts';

test('a virtual clock runs timers by their time, equal ones in their order, and none that was cancelled', () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const note = (name: string) => () => void seen.push(`${name} at ${clock.nowMs()}`);
  for (const [name, delayMs] of Object.entries({ c: 30, a: 10, b: 20, d: 30 })) clock.after(delayMs, note(name));
  clock.after(15, note('never'))();
  clock.after(25, () => clock.after(0, note('soon')));
  clock.runUntil(() => false);
  expect(seen).toEqual(['a at 10', 'b at 20', 'soon at 26', 'c at 30', 'd at 30']);
});

test.each([
  ['conversation', 1020, 129],
  ['code', 1469, 13],
] as const)('a generated %s has the lengths of the recorded one', (name, promptTokens, outputTokens) => {
  const rows = generatedTrace(name);
  const median = (of: 'promptTokens' | 'outputTokens') =>
    rows.map((row) => row[of]).sort((a, b) => a - b)[Math.floor(rows.length / 2)];
  expect(median('promptTokens')! / promptTokens).toBeCloseTo(1, 1);
  expect(Math.abs(median('outputTokens')! - outputTokens)).toBeLessThan(0.1 * outputTokens + 1);
  expect(rows.every(({ atMs }, index) => index === 0 || atMs >= rows[index - 1]!.atMs)).toBe(true);
});

test('a workload has the rate that is asked for; prompts share blocks exactly where their prefixes do', () => {
  const trace = generatedTrace('prefixes');
  const requests = workloadOf(trace, { perSecond: 20, seconds: 100, seed: 1 });
  expect(requests.length).toBeGreaterThan(1700);
  expect(requests.length).toBeLessThan(2300);
  const [whole, same, other] = workloadOf(
    [
      { atMs: 0, promptTokens: 1024, outputTokens: 1, prefixIds: [7, 8] },
      { atMs: 1, promptTokens: 1024, outputTokens: 1, prefixIds: [7, 9] },
      { atMs: 2, promptTokens: 1000, outputTokens: 1, prefixIds: [3, 8] },
    ],
    { perSecond: 1000, seconds: 1, seed: 0 },
  );
  expect([whole!.blockHashes.length, whole!.promptBlocks.length]).toEqual([64, 32]);
  expect(same!.promptBlocks.slice(0, 16)).toEqual(whole!.promptBlocks.slice(0, 16));
  expect(same!.blockHashes.slice(0, 32)).toEqual(whole!.blockHashes.slice(0, 32));
  expect(same!.promptBlocks.slice(16)).not.toEqual(whole!.promptBlocks.slice(16));
  expect(other!.promptBlocks.slice(0, 16)).not.toEqual(whole!.promptBlocks.slice(0, 16));
});

const job = { endpoints: 4, slo: { ttftMs: 1000, tpotMs: 50 }, seed: 1 } as const;
const figuresOf = (router: Router, load: { perSecond: number; seconds: number }) =>
  runRoutingJob({ ...job, trace: 'code', router, ...load });

test('a run is the same each time', () => {
  const load = { perSecond: 1, seconds: 60 };
  expect(figuresOf('latency', load)).toEqual(figuresOf('latency', load));
});

test('under load the predicted cost is better than queue, cache and prefix scores, and predictions are near', () => {
  const load = { perSecond: 3, seconds: 300 };
  const [latency, gie, picker] = (['latency', 'gie', 'endpoint picker'] as const).map((router) =>
    figuresOf(router, load),
  );
  expect(latency!.ttftMean).toBeLessThan(0.9 * gie!.ttftMean);
  expect(latency!.ttftMean).toBeLessThan(0.9 * picker!.ttftMean);
  expect(latency!.missed).toBeLessThanOrEqual(gie!.missed);
  expect(latency!.predictionError).toBeLessThan(0.25);
});
