import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { PolicyName } from '../../gateway/choose/policies/policies.ts';
import { mechanisms } from './ablation/mechanisms.ts';
import { parameters } from './ablation/parameters.ts';
import { type Experiment, runExperiment } from './experiment.ts';
import type { Way } from './pool/simulated-gateway.ts';
import { VirtualClock } from './virtual-clock.ts';
import { WorkerPool } from './worker-pool.ts';
import { generatedTrace } from './worlds/generated-traces.ts';
import { workloadOf } from './worlds/workload.ts';

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

const h100 = { preset: 'h100-80g-llama3.1-8b-tp1' };
const experiment = (way: Way, policy: PolicyName, perSecond: number, seconds: number): Experiment => ({
  world: { kind: 'traces', perSecond: { code: 4 * perSecond } },
  seconds,
  seed: 1,
  way,
  policy,
  engines: [h100, h100, h100, h100],
  slo: { ttftMs: 1000, tpotMs: 50 },
});

test.each([
  ['of clients', undefined],
  ['beside direct callers', { kind: 'documents', callers: 32 }],
  ['beside the function', { kind: 'documents', instances: 2 }],
] as const)('a run %s is the same each time', async (_, async) => {
  const load = { ...experiment('ours', 'latency', 1, 60), ...(async ? { async } : {}) };
  expect(await runExperiment(load)).toEqual(await runExperiment(load));
});

test('under load the predicted cost is better than queue, cache and prefix scores, and predictions are near', async () => {
  const realtime = async (way: Way, policy: PolicyName) =>
    (await runExperiment(experiment(way, policy, 3, 300))).realtime;
  const latency = await realtime('ours', 'latency');
  const gie = await realtime('ours', 'gie');
  const picker = await realtime('plain', 'gie');
  expect(latency.ttftMean).toBeLessThan(0.9 * gie.ttftMean);
  expect(latency.ttftMean).toBeLessThan(0.9 * picker.ttftMean);
  expect(latency.missed).toBeLessThanOrEqual(gie.missed);
  expect(latency.predictionError).toBeLessThan(0.25);
});

test('a plain gateway sheds async work while its engines have queues; ours serves it as far as there is room', async () => {
  const chats = { kind: 'traces', perSecond: { conversation: 20 } } as const;
  const async = { kind: 'batch', callers: 3000 } as const;
  const load: Experiment = { ...experiment('plain', 'gie', 1, 30), world: chats, async };
  const plain = await runExperiment(load);
  expect(plain.async.refused).toBeGreaterThan(0);
  const ours = await runExperiment({ ...load, way: 'ours' });
  expect(ours.realtime.ttftP95).toBeLessThan(plain.realtime.ttftP95);
});

test('every parameter of the sensitivity stands in the code once', () => {
  for (const { file, constant, value } of parameters) {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    expect(source.split(`const ${constant} = ${value};`), constant).toHaveLength(2);
  }
});
test.each(['ours', 'plain'] as const)(
  'behind a %s gateway the deployed function turns a backlog into results',
  async (way) => {
    const load: Experiment = {
      ...experiment(way, 'latency', 1, 30),
      world: { kind: 'none' },
      async: { kind: 'documents', instances: 2 },
    };
    const { async } = await runExperiment({ ...load, seconds: 120 });
    expect(async.served).toBeGreaterThan(100);
  },
);

test('a changed rule of the function is a different run, without another edit', async () => {
  const pool = new WorkerPool();
  const load: Experiment = {
    ...experiment('plain', 'gie', 3, 120),
    async: { kind: 'documents', instances: 2 },
  };
  const rule = 'functions/processor/dispatch/limit.ts';
  const [whole, again, slower] = await Promise.all([
    pool.run(load),
    pool.run(load),
    pool.run(load, [{ file: rule, from: 'calls + calls * share', to: 'calls + 0.2 * calls * share' }]),
  ]);
  expect(again).toEqual(whole);
  expect(slower).not.toEqual(whole);
}, 600_000);

test('every mechanism of the ablation is found in the code, and its absence is a different run', async () => {
  const pool = new WorkerPool();
  const load: Experiment = {
    ...experiment('ours', 'latency', 3, 20),
    world: { kind: 'traces', perSecond: { conversation: 60 } },
    async: { kind: 'documents', callers: 64 },
  };
  const whole = await pool.run(load);
  const outcomes = await Promise.all(mechanisms.map(({ patches }) => pool.run(load, patches)));
  const different = outcomes.filter((outcome) => JSON.stringify(outcome) !== JSON.stringify(whole));
  // Some of them have nothing to do in so short a run.
  expect(different.length).toBeGreaterThan(mechanisms.length / 3);
  // Twenty runs of a second each, on however loaded a machine.
}, 600_000);
