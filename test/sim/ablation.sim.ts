import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { mechanisms } from './ablation/mechanisms.ts';
import type { Patch } from './ablation/patch.ts';
import { type Experiment, leftOut, type Outcome } from './experiment.ts';
import { percent, print, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import { ladderStages } from './worlds/ladder.ts';
import { compass } from './worlds/world.ts';

const h100 = { preset: 'h100-80g-llama3.1-8b-tp1' };
const slo = { ttftMs: 1000, tpotMs: 50 };
const callers = 512;

interface World {
  readonly name: string;
  readonly experiment: Experiment;
  /** What is told of its outcome. */
  readonly tells: (outcome: Outcome) => string;
}

const seconds1 = ({ realtime }: Outcome): string => (realtime.ttftMean / 1000).toFixed(3);
const missedAndServed = ({ realtime, async }: Outcome): string =>
  `${percent(realtime.missed, 2)} @ ${(async.tokensPerSecond / 1000).toFixed(1)}k`;

/** `npm run sim -- ablation`: what each mechanism is worth. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- ablation',
      about: 'The deployed code without one mechanism after another, over worlds that others made.',
      flags: {
        seconds: integer('--seconds', { default: '600', min: 20, max: 3500, meaning: 'of each mix' }),
        seed: integer('--seed', { default: '1', min: 0, max: 100, meaning: 'of all that is drawn' }),
      },
    },
    argv,
  );
  const worlds = worldsOf(flags.seconds, flags.seed);
  const pool = new WorkerPool();
  print('The deployed code, and the same without one mechanism.');
  print(`Not simulated: ${leftOut.join('; ')}.\n`);
  for (const { name, experiment } of worlds) {
    print(`${name}: ${experiment.engines.length} × ${experiment.engines[0]?.preset}, ${experiment.way}`);
  }
  print(
    `\n${row(
      '',
      worlds.map(({ name }) => name.padStart(16)),
      40,
    )}`,
  );
  const rows = [{ name: 'as it is', patches: [] as readonly Patch[] }, ...mechanisms].map(({ name, patches }) => ({
    name: patches.length === 0 ? name : `without: ${name}`,
    cells: worlds.map(async ({ experiment, tells }) => tells(await pool.run(experiment, patches))),
  }));
  for (const { name, cells } of rows) {
    const texts = await Promise.all(cells);
    print(
      row(
        name,
        texts.map((text) => text.padStart(16)),
        40,
      ),
    );
  }
}

/** The ladder (TTFT mean in seconds), the square wave, and the compass mix alone and beside async work (misses @ async tokens a second). */
function worldsOf(seconds: number, seed: number): readonly World[] {
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
