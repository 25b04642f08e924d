import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { type Experiment, leftOut } from './experiment.ts';
import type { Way } from './pool/simulated-gateway.ts';
import { asyncCells, asyncNames, figureCells, figureNames, print, printHead, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import { compass } from './worlds/world.ts';

const preset = 'h100-80g-llama3.1-8b-tp1';
const endpoints = 4;
const slo = { ttftMs: 1000, tpotMs: 50 };
const ways: readonly { readonly way: Way; readonly name: string }[] = [
  { way: 'plain', name: 'Way A: a plain inference gateway that sheds with 429; the gate reads Cloud Monitoring' },
  { way: 'ours', name: 'Way B: our gateway; the gate reads its /capacity' },
];
const instanceCounts = [0, 1, 4, 16, 32];

/** `npm run sim -- function`: both services together, with 1 to 32 instances of the function. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- function',
      about:
        'Recorded real-time traffic beside an async backlog that comes through Pub/Sub and the deployed function, on a virtual clock.',
      flags: { seconds: integer('--seconds', { default: '600', min: 60, max: 3500, meaning: 'of traffic' }) },
    },
    argv,
  );
  const pool = new WorkerPool();
  const { seconds } = flags;
  const engines = Array.from({ length: endpoints }, () => ({ preset }));
  printHead(endpoints, preset, leftOut);
  print(
    `${seconds} s of the compass mix; TTFT ≤ ${slo.ttftMs} ms, ${slo.tpotMs} ms a token; an endless backlog of documents`,
  );
  for (const { way, name } of ways) {
    print(`\n${name}`);
    print(row('function instances', [...figureNames, ...asyncNames]));
    const policy = way === 'ours' ? 'latency' : 'gie';
    const base: Experiment = { world: compass, seconds, seed: 1, way, policy, engines, slo };
    const outcomes = instanceCounts.map((instances) =>
      pool.run(instances === 0 ? base : { ...base, async: { kind: 'documents', instances } }),
    );
    for (const [index, outcome] of outcomes.entries()) {
      const { realtime, async } = await outcome;
      print(row(String(instanceCounts[index]), [...figureCells(realtime), ...asyncCells(async)]));
    }
  }
}
