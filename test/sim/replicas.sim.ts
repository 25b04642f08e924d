import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import type { Experiment } from './experiment.ts';
import { figureCells, figureNames, print, printHead, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';

const preset = 'h100-80g-llama3.1-8b-tp1';
const endpoints = 4;
const replicas = [1, 2, 4];

/** Prompts with 64 prefixes of 6,000 tokens before four engines, which come to one of several gateways by chance. */
export const sharedPrefixes = (replicas: number, seconds: number, seed: number): Experiment => ({
  world: { kind: 'ladder', stages: [{ perSecond: 12, seconds }], groups: 64, outputTokens: 200 },
  seconds,
  seed,
  way: 'ours',
  policy: 'latency',
  engines: Array.from({ length: endpoints }, () => ({ preset })),
  replicas,
});

/** `npm run sim -- replicas`: what several gateways that do not know each other's prompts cost. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- replicas',
      about: 'Prompts that share prefixes before one, two and four gateways and the same engines, on a virtual clock.',
      flags: {
        seconds: integer('--seconds', { default: '300', min: 20, max: 3500, meaning: 'of traffic' }),
        seeds: integer('--seeds', { default: '3', min: 1, max: 10, meaning: 'runs of each' }),
      },
    },
    argv,
  );
  const pool = new WorkerPool();
  printHead(endpoints, preset, []);
  print(row('gateways', figureNames));
  const outcomes = replicas.flatMap((count) =>
    Array.from({ length: flags.seeds }, (_, index) => pool.run(sharedPrefixes(count, flags.seconds, index + 1))),
  );
  for (const [index, outcome] of outcomes.entries()) {
    const { stages } = await outcome;
    print(row(String(replicas[Math.floor(index / flags.seeds)]), figureCells(stages[0]!)));
  }
}
