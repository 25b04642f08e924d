import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer, text } from '../../shared/runtime/config/variables.ts';
import { type Experiment, leftOut } from './experiment.ts';
import { asyncCells, asyncNames, figureCells, figureNames, print, printHead, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import { cycleSeconds } from './worlds/square-wave.ts';

const preset = 'h100-80g-llama3.1-8b-tp1';
const endpoints = 2;
/** 88 % of what two of these engines can do, as the issue has it. */
const perSecond = 92;
const batchCallers = 64;
/** The issue's batch work: each job has a thousand requests; its window in minutes. */
const jobs = [30, 120, 1440];
const requestsPerJob = 1000;
const routings: Readonly<Record<string, Pick<Experiment, 'way' | 'policy'>>> = {
  latency: { way: 'ours', policy: 'latency' },
  'plain picker (gie)': { way: 'plain', policy: 'gie' },
};

/** `npm run sim -- square`: interactive requests that come and go by the minute, alone and beside batch work. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- square',
      about: "The square wave of llm-d batch-gateway's issue 491, alone and beside batch work, on a virtual clock.",
      flags: {
        cycles: integer('--cycles', {
          default: '10',
          min: 1,
          max: 20,
          meaning: 'of a minute and a half on, and as long off',
        }),
        only: text('--only', { meaning: 'routings whose name holds this text' }),
      },
    },
    argv,
  );
  const { cycles, only = '' } = flags;
  const pool = new WorkerPool();
  const engines = Array.from({ length: endpoints }, () => ({ preset }));
  printHead(endpoints, preset, leftOut);
  print(`${cycles} cycles of ${perSecond}/s; TTFT ≤ 1000 ms, 50 ms a token; ${batchCallers} batch callers\n`);
  print(row('', [...figureNames, ...asyncNames], 36));
  for (const [name, routing] of Object.entries(routings).filter(([each]) => each.includes(only))) {
    const alone: Experiment = {
      ...routing,
      world: { kind: 'square-wave', perSecond },
      seconds: cycles * cycleSeconds,
      seed: 1,
      engines,
      slo: { ttftMs: 1000, tpotMs: 50 },
    };
    const outcomes = [alone, { ...alone, async: { kind: 'batch' as const, callers: batchCallers } }].map((each) =>
      pool.run(each),
    );
    for (const [index, outcome] of outcomes.entries()) {
      const { realtime, async } = await outcome;
      print(
        row(`${name}, ${index === 0 ? 'alone' : 'with batch'}`, [...figureCells(realtime), ...asyncCells(async)], 36),
      );
      if (index > 0) print(`  ${jobsText(async.servedBySecond)}`);
    }
  }
}

/** When each of the issue's jobs is done, one after another, the nearest window first. */
function jobsText(servedBySecond: readonly number[]): string {
  let served = 0;
  const sums = servedBySecond.map((count) => {
    served += count;
    return served;
  });
  const texts = jobs.map((windowMinutes, job) => {
    const seconds = sums.findIndex((sum) => sum >= (job + 1) * requestsPerJob);
    return `window of ${windowMinutes} min: ${seconds < 0 ? 'not done' : `done after ${seconds} s`}`;
  });
  return `batch jobs of ${requestsPerJob}: ${texts.join(', ')}`;
}
