import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer, text } from '../../shared/runtime/config/variables.ts';
import { type Experiment, leftOut } from './experiment.ts';
import { type Figures, meanOf } from './figures.ts';
import { figureCells, figureNames, print, printHead, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import { ladderStages, type Stage } from './worlds/ladder.ts';

const preset = 'h100-80g-qwen3-32b-tp2';
const endpoints = 8;
const blockTokens = 16;
const routings: Readonly<Record<string, Pick<Experiment, 'way' | 'policy'>>> = {
  'round robin': { way: 'plain', policy: 'round-robin' },
  'plain picker (gie)': { way: 'plain', policy: 'gie' },
  'llm-d': { way: 'plain', policy: 'llm-d' },
  'gie behind our queue': { way: 'ours', policy: 'gie' },
  latency: { way: 'ours', policy: 'latency' },
};

/** `npm run sim -- ladder`: shared prefixes at rates that go up in stages. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- ladder',
      about: "llm-d's optimized-baseline ladder before simulated engines, on a virtual clock: TTFT by rate.",
      flags: {
        seeds: integer('--seeds', { default: '1', min: 1, max: 5, meaning: 'runs to take the mean of' }),
        'cache-tokens': integer('--cache-tokens', {
          default: '272000',
          min: 16_000,
          meaning: 'that the KV cache of one engine holds',
        }),
        stages: integer('--stages', { default: '16', min: 1, max: 16, meaning: 'stages to run, the slowest first' }),
        only: text('--only', { meaning: 'routings whose name holds this text' }),
      },
    },
    argv,
  );
  const stages: readonly Stage[] = ladderStages.slice(0, flags.stages);
  const blocks = Math.floor(flags['cache-tokens'] / blockTokens);
  const engines = Array.from({ length: endpoints }, () => ({ preset, blocks }));
  const pool = new WorkerPool();
  printHead(endpoints, preset, leftOut);
  print(`${flags['cache-tokens'].toLocaleString('en')} tokens of KV cache an engine; mean over ${flags.seeds} runs\n`);
  print(row('', ['rate', ...figureNames]));
  const { only = '' } = flags;
  const asked = Object.entries(routings).filter(([name]) => name.includes(only));
  const all = asked.map(async ([name, routing]) => {
    const runs = Array.from({ length: flags.seeds }, (_, seed) =>
      pool.run({
        ...routing,
        world: { kind: 'ladder', stages, groups: 150, outputTokens: 1000 },
        seconds: 0,
        seed: 7 + seed,
        engines,
      }),
    );
    return { name, outcomes: await Promise.all(runs) };
  });
  for (const { name, outcomes } of await Promise.all(all)) {
    for (const [index, stage] of stages.entries()) {
      const figures: Figures = meanOf(outcomes.map((outcome) => outcome.stages[index]!));
      print(row(index === 0 ? name : '', [`${stage.perSecond}/s`, ...figureCells(figures)]));
    }
    print(row('', ['all', ...figureCells(meanOf(outcomes.map(({ realtime }) => realtime)))]));
  }
}
