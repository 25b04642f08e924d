import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { custom, integer, list } from '../../shared/runtime/config/variables.ts';
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
/** A quarter of the compass mix, for each endpoint of its four. */
const realtimePerSecond = { conversation: 5.53, code: 0.64 };
/** Of the messages with the shortest, the middle and the longest window. */
const shares = [0.1, 0.3, 0.6] as const;
/** Shorter than those that people would choose, so that an hour has many of the longest. */
const shortWindows = '60,240,600';
/** The recorded traffic is not much longer. */
const longestTrafficSeconds = 3400;
/** Once that is over, an endless backlog is watched for so long: the rest goes on at the pace of its second half. */
const aloneSeconds = 600;

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
  readonly load: Pick<DeadlineLoad, 'hidesDeadlines' | 'escalates'>;
  /** Windows, the shortest first, that have a lane each: a backlog of longer ones would outlast them. */
  readonly lanes?: number;
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
  'two-lanes': { name: 'ours, a lane for the shortest', load: { escalates: true }, lanes: 1, patches: [] },
  ours: { name: 'ours, a lane for each window', load: { escalates: true }, lanes: 2, patches: [] },
  'one-instance': { name: 'the same, 1 instance', load: { escalates: true }, lanes: 2, instances: 1, patches: [] },
  'sixteen-instances': {
    name: 'the same, 16 instances',
    load: { escalates: true },
    lanes: 2,
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
        seconds: integer('--seconds', {
          default: '2800',
          min: 120,
          max: longestTrafficSeconds,
          meaning: 'in which messages come; real-time traffic goes on until their windows are over, an hour at most',
        }),
        instances: integer('--instances', {
          default: '4',
          min: 1,
          meaning: 'of the function, but where a row says so',
        }),
        rows: list('--rows', { default: names.join(','), choices: names, meaning: 'which rows' }),
        load: list('--load', { default: loads.join(','), meaning: 'percent of what the pool can give async' }),
        windows: custom('--windows', { default: shortWindows, meaning: 'seconds, the shortest first' }, readWindows),
        endpoints: integer('--endpoints', { default: '1', min: 1, meaning: 'of the pool' }),
      },
    },
    argv,
  );
  const { seconds, instances, windows } = flags;
  const classes = windows.map((windowSeconds, index) => ({ windowSeconds, share: shares[index]! }));
  const longestSeconds = windows.at(-1)!;
  const pool = new WorkerPool();
  const engines = Array.from({ length: flags.endpoints }, () => ({ preset }));
  const { conversation, code } = realtimePerSecond;
  const perSecondOf = { conversation: conversation * flags.endpoints, code: code * flags.endpoints };
  const world: World = { kind: 'traces', perSecond: perSecondOf };
  // Overload that ended with the last message would be none for messages with long windows.
  const trafficSeconds = Math.min(longestTrafficSeconds, seconds + longestSeconds);
  const base: Experiment = { world, seconds: trafficSeconds, seed: 1, way: 'ours', policy: 'latency', engines, slo };
  printHead(engines.length, preset, leftOut);
  const shown = classes.map(({ windowSeconds, share }) => `${percent(share, 0)} in ${windowSeconds} s`);
  print(
    `${trafficSeconds} s of a quarter of the compass mix an endpoint; TTFT ≤ ${slo.ttftMs} ms, ${slo.tpotMs} ms a token`,
  );
  print(
    `For ${seconds} s documents come in bursts with windows: ${shown.join(', ')}; ${instances} instances of the function`,
  );
  const endSeconds = seconds + longestSeconds;
  // What is left when real-time traffic ends has the pool to itself.
  const lastsSeconds = Math.min(endSeconds, trafficSeconds + aloneSeconds);
  const [alone, endless] = await Promise.all([
    pool.run(base),
    pool.run({ ...base, async: { kind: 'documents', instances, lastsSeconds } }),
  ]);
  const servedBySecond = goneOn(endless.async.servedBySecond, endSeconds);
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
    print(row('', columnsOf(windows), 36));
    const outcomes = flags.rows.map((name) => {
      const { load: own, lanes = 0, patches, instances: many = instances } = rows[name]!;
      const lanesUpToSeconds = windows.slice(0, lanes);
      return pool.run({ ...base, async: { ...own, lanesUpToSeconds, work, instances: many } }, patches);
    });
    for (const [index, outcome] of outcomes.entries()) {
      const done = await outcome;
      print(row(rows[flags.rows[index]!]!.name, [...cells(done.deadlines!, windows, most), missed(done)], 36));
    }
  }
}

/** @returns seconds */
function readWindows(raw: string): { readonly value: readonly number[] } | { readonly fault: string } {
  const value = raw.split(',').map(Number);
  const rises = value.every((seconds, index) => seconds >= 5 && seconds > (value[index - 1] ?? 0));
  return rises && value.length === shares.length
    ? { value }
    : { fault: 'must be three numbers, from 5 on, each above the one before' };
}

/** What was served in each second, and after it what was served a second in the last five minutes of it, until `seconds`. */
function goneOn(servedBySecond: readonly number[], seconds: number): readonly number[] {
  const last = servedBySecond.slice(-aloneSeconds / 2);
  const pace = last.reduce((sum, count) => sum + count, 0) / last.length;
  const more = Math.max(0, seconds - servedBySecond.length);
  return [
    ...servedBySecond,
    ...Array.from({ length: more }, (_, index) => Math.floor(pace * (index + 1)) - Math.floor(pace * index)),
  ];
}

function columnsOf(windows: readonly number[]): readonly string[] {
  return [
    'in time',
    'of the most',
    ...windows.map((seconds) => `${seconds} s`),
    'late',
    'expired',
    'unreachable',
    'told early',
    'wasted',
    'escalated',
    'tok/s',
    'real-time',
  ];
}

function cells(figures: DeadlineFigures, windows: readonly number[], most: number): readonly string[] {
  const { inTime, inTimeByWindow, late, expired, unreachable, toldEarly, wasted, escalated, tokensPerSecond } = figures;
  return [
    percent(inTime, 2),
    percent(inTime / most, 1),
    ...windows.map((seconds) => percent(inTimeByWindow[seconds] ?? Number.NaN, 1)),
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
