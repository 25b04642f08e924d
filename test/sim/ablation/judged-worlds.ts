import { type Experiment, leftOut, type Outcome } from '../experiment.ts';
import { percent, print, row } from '../report.ts';
import { WorkerPool } from '../worker-pool.ts';
import { ladderStages } from '../worlds/ladder.ts';
import { compass } from '../worlds/world.ts';
import type { Patch } from './patch.ts';

const h100 = { preset: 'h100-80g-llama3.1-8b-tp1' };
const slo = { ttftMs: 1000, tpotMs: 50 };
const callers = 512;

export interface JudgedWorld {
  readonly name: string;
  readonly experiment: Experiment;
  /** What is told of its outcome. */
  readonly tells: (outcome: Outcome) => string;
}

const seconds1 = ({ realtime }: Outcome): string => (realtime.ttftMean / 1000).toFixed(3);
const missedAndServed = ({ realtime, async }: Outcome): string =>
  `${percent(realtime.missed, 2)} @ ${(async.tokensPerSecond / 1000).toFixed(1)}k`;

/** The deployed code with some changes. */
export interface Variant {
  readonly name: string;
  readonly patches: readonly Patch[];
}

/** Prints one line for each variant, one column for each world, as they are done. */
export async function printVariants(variants: readonly Variant[], worlds: readonly JudgedWorld[]): Promise<void> {
  const pool = new WorkerPool();
  print(`Not simulated: ${leftOut.join('; ')}.\n`);
  for (const { name, experiment } of worlds) {
    print(`${name}: ${experiment.engines.length} × ${experiment.engines[0]?.preset}, ${experiment.way}`);
  }
  const columns = (cells: readonly string[]): readonly string[] => cells.map((cell) => cell.padStart(16));
  print(`\n${row('', columns(worlds.map(({ name }) => name)), 48)}`);
  const rows = variants.map(({ name, patches }) => ({
    name,
    cells: worlds.map(async ({ experiment, tells }) => tells(await pool.run(experiment, patches))),
  }));
  for (const { name, cells } of rows) print(row(name, columns(await Promise.all(cells)), 48));
}

/** The ladder (TTFT mean in seconds), the square wave, and the compass mix alone and beside async work (misses @ async tokens a second). */
export function judgedWorlds(seconds: number, seed: number): readonly JudgedWorld[] {
  const chats = { seed, way: 'ours', policy: 'latency', engines: Array.from({ length: 4 }, () => h100), slo } as const;
  const async = { kind: 'documents', callers } as const;
  return [
    {
      name: 'ladder 3–20/s, s',
      experiment: {
        ...chats,
        world: { kind: 'ladder', stages: ladderStages.slice(0, 4), groups: 150, outputTokens: 1000 },
        seconds: 0,
        engines: Array.from({ length: 8 }, () => ({ preset: 'h100-80g-qwen3-32b-tp2' })),
      },
      tells: seconds1,
    },
    {
      name: 'square wave p95',
      experiment: {
        ...chats,
        world: { kind: 'square-wave', perSecond: 92 },
        seconds: Math.max(180, Math.min(seconds, 720)),
        engines: [h100, h100],
        async: { kind: 'batch', callers: 64 },
      },
      tells: ({ realtime }) => `${realtime.ttftP95.toFixed(0)} / ${realtime.tpotP99.toFixed(1)} ms`,
    },
    {
      name: 'chats 18.5/s',
      experiment: { ...chats, world: { kind: 'traces', perSecond: { conversation: 74 } }, seconds: seconds / 3 },
      tells: ({ realtime }) => `${percent(realtime.missed, 2)}, ${realtime.ttftMean.toFixed(0)} ms`,
    },
    { name: 'compass alone', experiment: { ...chats, world: compass, seconds }, tells: missedAndServed },
    { name: 'compass + async', experiment: { ...chats, world: compass, seconds, async }, tells: missedAndServed },
  ];
}
