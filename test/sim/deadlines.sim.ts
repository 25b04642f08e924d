import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer, list } from '../../shared/runtime/config/variables.ts';
import type { Patch } from './ablation/patch.ts';
import type { DeadlineFigures, DeadlineLoad } from './async/deadline-instances.ts';
import { type Experiment, leftOut, type Outcome } from './experiment.ts';
import { percent, print, printHead, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import { deadlineWork } from './worlds/deadline-work.ts';
import { drainForecasts } from './worlds/drain-forecasts.ts';
import { mostInTime } from './worlds/most-in-time.ts';
import type { World } from './worlds/world.ts';

const preset = 'h100-80g-llama3.1-8b-tp1';
const slo = { ttftMs: 1000, tpotMs: 50 };
/** A quarter of the compass mix, for one endpoint of its four. */
const world: World = { kind: 'traces', perSecond: { conversation: 5.53, code: 0.64 } };
/** Three windows in the shares of the issue, shorter, so that an hour has many of the longest. */
const classes = [
  { windowSeconds: 60, share: 0.1 },
  { windowSeconds: 240, share: 0.3 },
  { windowSeconds: 600, share: 0.6 },
];
/** Windows that a backlog of longer ones would outlast: a lane for each. */
const lanesUpToSeconds = [60, 240];

const queue = 'functions/processor/dispatch/tenant-queue.ts';
const withoutGivingUp: Patch = {
  file: 'functions/processor/dispatch/call-times.ts',
  from: 'const leastToGiveUp = 100;',
  to: 'const leastToGiveUp = Number.POSITIVE_INFINITY;',
};
const inOrderOfArrival: Patch = {
  file: queue,
  from: 'this.ready.findIndex(({ request }) => request.deadlineAtMs > call.request.deadlineAtMs)',
  to: '-1',
};

interface Row {
  readonly name: string;
  readonly load: Omit<DeadlineLoad, 'work' | 'instances'>;
  readonly instances?: number;
  readonly patches: readonly Patch[];
}

const rows: Readonly<Record<string, Row>> = {
  fcfs: {
    name: 'first come, first served',
    load: { hidesDeadlines: true },
    patches: [withoutGivingUp, inOrderOfArrival],
  },
  instance: {
    name: 'earliest deadline, in an instance',
    load: { hidesDeadlines: true },
    patches: [withoutGivingUp],
  },
  hint: { name: 'time left as a hint', load: {}, patches: [withoutGivingUp] },
  'one-lane': { name: 'ours, one subscription', load: { escalates: true }, patches: [] },
  'two-lanes': { name: 'ours, a lane for 60 s', load: { escalates: true, lanesUpToSeconds: [60] }, patches: [] },
  ours: { name: 'ours, a lane for each window', load: { escalates: true, lanesUpToSeconds }, patches: [] },
  'sixteen-instances': {
    name: 'the same, 16 instances',
    load: { escalates: true, lanesUpToSeconds },
    instances: 16,
    patches: [],
  },
};
/** Of what is answered while the real-time traffic lasts: its end is to be within. */
const drainedShare = 0.9;
const names = Object.keys(rows);
const loads = [90, 130];

/** `npm run sim -- deadlines`: how many async messages are in time, beside recorded real-time traffic, at 90 % and at 130 % of what the pool can give. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- deadlines',
      about:
        'Async messages with completion windows that come in bursts, beside recorded real-time traffic, through the deployed function and gateway on a virtual clock.',
      flags: {
        seconds: integer('--seconds', { default: '3000', min: 120, max: 3400, meaning: 'in which messages come' }),
        instances: integer('--instances', {
          default: '4',
          min: 1,
          meaning: 'of the function, but where a row says so',
        }),
        rows: list('--rows', { default: names.join(','), choices: names, meaning: 'which rows' }),
        load: list('--load', { default: loads.join(','), meaning: 'percent of what the pool can give async' }),
      },
    },
    argv,
  );
  const { seconds, instances } = flags;
  const pool = new WorkerPool();
  const engines = [{ preset }];
  const base: Experiment = { world, seconds, seed: 1, way: 'ours', policy: 'latency', engines, slo };
  printHead(engines.length, preset, leftOut);
  const windows = classes.map(({ windowSeconds, share }) => `${percent(share, 0)} in ${windowSeconds} s`);
  print(`${seconds} s of a quarter of the compass mix; TTFT ≤ ${slo.ttftMs} ms, ${slo.tpotMs} ms a token`);
  print(`Documents in bursts with windows: ${windows.join(', ')}; ${instances} instances of the function`);
  // Until the last window is over: what is left then has the pool to itself.
  const lastsSeconds = seconds + Math.max(...classes.map(({ windowSeconds }) => windowSeconds));
  const [alone, endless] = await Promise.all([
    pool.run(base),
    pool.run({ ...base, async: { kind: 'documents', instances, lastsSeconds } }),
  ]);
  const { servedBySecond } = endless.async;
  const served = servedBySecond.slice(0, seconds).reduce((sum, count) => sum + count, 0);
  const perSecond = served / seconds;
  print(
    `An endless backlog gets ${perSecond.toFixed(2)} messages a second; real-time misses ${missed(alone)} alone, ${missed(endless)} beside it`,
  );
  const drained = Math.round(served * drainedShare);
  for (const { share, saidSeconds, tookSeconds, error } of drainForecasts(drained, servedBySecond)) {
    print(
      `Of a backlog of ${drained} messages ${percent(share, 0)} are done: forecast ${saidSeconds.toFixed(0)} s more, taken ${tookSeconds} s; the end is ${percent(error, 1)} off`,
    );
  }
  for (const load of flags.load.map(Number)) {
    const work = { kind: 'documents', perSecond: (perSecond * load) / 100, seconds, classes } as const;
    const messages = deadlineWork({ ...work, seed: base.seed });
    const most = mostInTime(messages, servedBySecond) / messages.length;
    print(
      `\nAt ${load} %, ${work.perSecond.toFixed(2)} messages a second, of which a schedule that knows all in advance answers ${percent(most, 2)} in time`,
    );
    print(row('', columns, 36));
    const outcomes = flags.rows.map((name) => {
      const { load: own, patches, instances: many = instances } = rows[name]!;
      return pool.run({ ...base, async: { ...own, work, instances: many } }, patches);
    });
    for (const [index, outcome] of outcomes.entries()) {
      const done = await outcome;
      print(row(rows[flags.rows[index]!]!.name, [...cells(done.deadlines!, most), missed(done)], 36));
    }
  }
}

const columns = [
  'in time',
  'of the most',
  ...classes.map(({ windowSeconds }) => `${windowSeconds} s`),
  'late',
  'expired',
  'unreachable',
  'told early',
  'wasted',
  'escalated',
  'tok/s',
  'real-time',
];

function cells(figures: DeadlineFigures, most: number): readonly string[] {
  const { inTime, inTimeByWindow, late, expired, unreachable, toldEarly, wasted, escalated, tokensPerSecond } = figures;
  return [
    percent(inTime, 2),
    percent(inTime / most, 1),
    ...classes.map(({ windowSeconds }) => percent(inTimeByWindow[windowSeconds] ?? Number.NaN, 1)),
    ...[late, expired, unreachable].map((share) => percent(share, 2)),
    percent(toldEarly, 0),
    percent(wasted, 2),
    percent(escalated, 2),
    Math.round(tokensPerSecond).toLocaleString('en'),
  ];
}

function missed({ realtime }: Outcome): string {
  return percent(realtime.missed, 3);
}
