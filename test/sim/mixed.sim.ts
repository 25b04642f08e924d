import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { flag, integer, text } from '../../shared/runtime/config/variables.ts';
import { type Experiment, leftOut, type Outcome } from './experiment.ts';
import { frontierSvg, underWaySvg } from './mixed/frontier-svg.ts';
import { type MixedCase, mixedCases, withoutAsync } from './mixed/mixed-cases.ts';
import { percent, print, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import { recorded } from './worlds/traces.ts';

/** One line of the report: means over the seeds. */
interface MixedResult {
  readonly table: string;
  readonly name: string;
  readonly seeds: number;
  readonly seconds: number;
  readonly missed: number;
  readonly missedAlone: number;
  readonly ttftP95Ms: number;
  readonly ttftP95AloneMs: number;
  readonly tpotP99Ms: number;
  readonly tpotP99AloneMs: number;
  readonly tokensPerSecond: number;
  readonly refused: number;
  readonly evicted: number;
  readonly lost: number;
  /** Of what async work was generated, thrown away: tokens a second. */
  readonly wastedPerSecond: number;
}

const columns = [
  'missed',
  'alone',
  'added',
  'TTFT p95',
  'alone',
  'TPOT p99',
  'alone',
  'async tok/s',
  'refused',
  'lost',
  'wasted/s',
];
const nameWidth = 44;
const hourSeconds = 3500;

/** `npm run sim -- mixed`: what async work gets beside real-time work, and what real-time work feels of it, by both ways and others'. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- mixed',
      about:
        'The compass mix beside an endless async backlog: both ways of the function, and other ways, on a virtual clock.',
      flags: {
        seconds: integer('--seconds', { default: '600', min: 60, max: hourSeconds, meaning: 'of traffic' }),
        seeds: integer('--seeds', { default: '5', min: 1, max: 5, meaning: 'runs to take the mean of' }),
        hour: flag('--hour', { default: 'false', meaning: 'the whole hour, with 1 and 16 instances and three seeds' }),
        only: text('--only', { meaning: 'lines whose table or name holds this text' }),
        out: text('--out', { default: '.local/mixed', meaning: 'folder for the figures as JSON and for the pictures' }),
      },
    },
    argv,
  );
  const { hour: isHour } = flags;
  const [seconds, seeds] = isHour ? [hourSeconds, Math.min(3, flags.seeds)] : [flags.seconds, flags.seeds];
  const { only = '' } = flags;
  const cases = mixedCases({ seconds, seeds, isHour }).filter(({ table, name }) => `${table} ${name}`.includes(only));
  print(recorded ? 'recorded traces' : 'generated traces: the recorded ones are not here');
  print(`Not simulated: ${leftOut.join('; ')}.`);
  print(
    `${seconds} s; TTFT ≤ 1000 ms, 50 ms a token; misses beside async work, alone, and the difference in percentage points`,
  );
  const pool = new Runs();
  const running = cases.map((each) => ({ each, runs: pool.both(each) }));
  const results: MixedResult[] = [];
  let table = '';
  for (const { each, runs } of running) {
    if (each.table !== table) {
      table = each.table;
      print(`\n${row(table, columns, nameWidth)}`);
    }
    const result = resultOf(each, await runs);
    results.push(result);
    print(row(result.name, cellsOf(result), nameWidth));
  }
  mkdirSync(flags.out, { recursive: true });
  writeFileSync(join(flags.out, 'mixed.json'), `${JSON.stringify(results, undefined, 1)}\n`);
  const compass = results.filter(({ table: name }) => name.startsWith('compass') && !name.includes('1,536'));
  writeFileSync(
    join(flags.out, 'frontier.svg'),
    frontierSvg('compass mix, 8,192 batched tokens', compass.map(pointOf)),
  );
  const last = running.findLast(({ each }) => each.table.includes('way B')) ?? running.at(-1);
  if (last) {
    const [beside] = await last.runs;
    const picture = underWaySvg(`${last.each.table}, ${last.each.name}`, beside[0]!.underWay, seconds);
    writeFileSync(join(flags.out, 'under-way.svg'), picture);
  }
  print(`\nmixed.json, frontier.svg and under-way.svg are in ${flags.out}`);
}

type BothRuns = readonly [readonly Outcome[], readonly Outcome[]];

/** Runs that several lines share are made once. */
class Runs {
  readonly #pool = new WorkerPool();
  readonly #made = new Map<string, Promise<Outcome>>();

  /** With async work and without, for each seed. */
  both({ experiment, seeds = 1 }: MixedCase): Promise<BothRuns> {
    const of = (each: MixedCase['experiment']) =>
      Promise.all(Array.from({ length: seeds }, (_, index) => this.#run({ ...each, seed: index + 1 })));
    return Promise.all([of(experiment), of(withoutAsync(experiment))]);
  }

  #run(experiment: Experiment): Promise<Outcome> {
    const key = JSON.stringify(experiment);
    const run = this.#made.get(key) ?? this.#pool.run(experiment);
    this.#made.set(key, run);
    return run;
  }
}

function resultOf({ table, name, experiment }: MixedCase, [beside, alone]: BothRuns): MixedResult {
  const mean = (runs: readonly Outcome[], figure: (run: Outcome) => number): number =>
    runs.reduce((sum, run) => sum + figure(run), 0) / runs.length;
  return {
    table,
    name,
    seeds: beside.length,
    seconds: experiment.seconds,
    missed: mean(beside, ({ realtime }) => realtime.missed),
    missedAlone: mean(alone, ({ realtime }) => realtime.missed),
    ttftP95Ms: mean(beside, ({ realtime }) => realtime.ttftP95),
    ttftP95AloneMs: mean(alone, ({ realtime }) => realtime.ttftP95),
    tpotP99Ms: mean(beside, ({ realtime }) => realtime.tpotP99),
    tpotP99AloneMs: mean(alone, ({ realtime }) => realtime.tpotP99),
    tokensPerSecond: mean(beside, ({ async }) => async.tokensPerSecond),
    refused: mean(beside, ({ async }) => async.refused),
    evicted: mean(beside, ({ async }) => async.evicted),
    lost: mean(beside, ({ async }) => async.lost),
    wastedPerSecond: mean(beside, ({ async }) => async.wastedTokens) / experiment.seconds,
  };
}

function cellsOf(result: MixedResult): readonly string[] {
  const { missed, missedAlone, tokensPerSecond, refused, lost, wastedPerSecond } = result;
  const counts = [tokensPerSecond, refused, lost, wastedPerSecond].map((count) =>
    Math.round(count).toLocaleString('en'),
  );
  return [
    percent(missed, 3),
    percent(missedAlone, 3),
    `${missed < missedAlone ? '−' : '+'}${(100 * Math.abs(missed - missedAlone)).toFixed(3)}`,
    result.ttftP95Ms.toFixed(0),
    result.ttftP95AloneMs.toFixed(0),
    result.tpotP99Ms.toFixed(1),
    result.tpotP99AloneMs.toFixed(1),
    ...counts,
  ];
}

function pointOf({ table, name, tokensPerSecond, missed, missedAlone }: MixedResult) {
  const group = table.includes('other ways')
    ? name.replace(/ × \d+$/, '')
    : table.replace(/^.*way (.*), 8.*$/, 'way $1');
  return { group, tokensPerSecond, harm: missed - missedAlone };
}
