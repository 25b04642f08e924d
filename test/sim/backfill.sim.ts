import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer, text } from '../../shared/runtime/config/variables.ts';
import { type Experiment, leftOut } from './experiment.ts';
import { asyncCells, asyncNames, figureCells, figureNames, print, printHead, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import type { World } from './worlds/world.ts';

const preset = 'h100-80g-llama3.1-8b-tp1';
const endpoints = 4;
const slo = { ttftMs: 1000, tpotMs: 50 };
/** Requests a second of real-time work, of all endpoints together. */
const worlds: Readonly<Record<string, World>> = {
  'a quiet hour: 8 chats/s': { kind: 'traces', perSecond: { conversation: 8 } },
  'an hour of 16.6 chats/s and 7.7 code completions/s': {
    kind: 'traces',
    perSecond: { conversation: 16.6, code: 7.7 },
  },
  'a busy hour: 56 chats/s': { kind: 'traces', perSecond: { conversation: 56 } },
};
const callers = [0, 64, 512, 2048];

/** `npm run sim -- backfill`: what async work gets, and what real-time users feel of it. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- backfill',
      about:
        'Recorded real-time traffic beside an endless async backlog, before simulated engines, on a virtual clock.',
      flags: {
        seconds: integer('--seconds', { default: '3500', min: 60, max: 3500, meaning: 'of traffic' }),
        seed: integer('--seed', { default: '1', min: 1, max: 100, meaning: 'of all that is drawn' }),
        'batched-tokens': integer('--batched-tokens', {
          default: '8192',
          min: 256,
          meaning: 'that an engine computes in one step, at most',
        }),
        only: text('--only', { meaning: 'hours whose name holds this text' }),
      },
    },
    argv,
  );
  const pool = new WorkerPool();
  const { seconds, seed, 'batched-tokens': maxNumBatchedTokens, only = '' } = flags;
  const engines = Array.from({ length: endpoints }, () => ({ preset, maxNumBatchedTokens }));
  printHead(endpoints, preset, leftOut);
  print(`${maxNumBatchedTokens} batched tokens, seed ${seed}`);
  print(`${seconds} s; TTFT ≤ ${slo.ttftMs} ms, ${slo.tpotMs} ms a token; callers send straight to the gateway`);
  for (const [name, world] of Object.entries(worlds).filter(([each]) => each.includes(only))) {
    print(`\n${name}`);
    print(row('async callers', [...figureNames, ...asyncNames]));
    const base: Experiment = { world, seconds, seed, way: 'ours', policy: 'latency', engines, slo };
    const outcomes = callers.map((count) =>
      pool.run(count === 0 ? base : { ...base, async: { kind: 'documents', callers: count } }),
    );
    for (const [index, outcome] of outcomes.entries()) {
      const { realtime, async } = await outcome;
      print(row(String(callers[index]), [...figureCells(realtime), ...asyncCells(async)]));
    }
  }
}
