import { presets } from '../../infra/local/model-server/engine/presets.ts';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { type BackfillResult, runBackfill } from './backfill-run.ts';
import { presetName } from './routing-job.ts';
import { readTrace, recorded, type TraceName } from './traces.ts';
import { type WorkloadRequest, workloadOf } from './workload.ts';

const endpoints = 4;
const slo = { ttftMs: 1000, tpotMs: 50 };
/** Requests a second of real-time work, of all endpoints together. */
const mixes: Readonly<Record<string, Partial<Record<TraceName, number>>>> = {
  'a quiet hour: 8 chats/s': { conversation: 8 },
  'an hour of 16.6 chats/s and 7.7 code completions/s': { conversation: 16.6, code: 7.7 },
  'a busy hour: 56 chats/s': { conversation: 56 },
};
const callers = [0, 64, 512, 2048];

/** `npm run sim -- backfill`: what async work gets, and what real-time users feel of it. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- backfill',
      about:
        'Recorded real-time traffic beside an endless async backlog, before simulated engines, on a virtual clock.',
      flags: { seconds: integer('--seconds', { default: '3500', min: 60, max: 3500, meaning: 'of traffic' }) },
    },
    argv,
  );
  print(`${endpoints} × ${presetName} (composed of published kernel profiles, not validated end to end)`);
  print(
    `${recorded ? 'recorded' : 'generated'} traces, ${flags.seconds} s; TTFT ≤ ${slo.ttftMs} ms, ${slo.tpotMs} ms a token`,
  );
  for (const [name, mix] of Object.entries(mixes)) {
    const requests = requestsOf(mix, flags.seconds);
    print(`\n${name}: ${requests.length.toLocaleString('en')} real-time requests`);
    print(
      row('async callers', [
        'TTFT p50',
        'p95',
        'p99',
        'TPOT p50',
        'p99',
        'missed',
        'async tok/s',
        'refused',
        'evicted',
        'wasted',
      ]),
    );
    for (const count of callers) {
      const options = { endpoints, preset: presets[presetName]!, policy: 'latency', lateBinding: true } as const;
      const load = { requests, seconds: flags.seconds, slo, callers: count, metricsRefreshMs: 250, seed: 1 };
      print(row(String(count), cellsOf(runBackfill({ ...options, ...load }), flags.seconds)));
    }
  }
}

function requestsOf(mix: Partial<Record<TraceName, number>>, seconds: number): readonly WorkloadRequest[] {
  return Object.entries(mix)
    .flatMap(([trace, perSecond]) => workloadOf(readTrace(trace as TraceName), { perSecond, seconds, seed: 1 }))
    .sort((a, b) => a.atMs - b.atMs);
}

function cellsOf(result: BackfillResult, seconds: number): string[] {
  const { realtime, asyncTokens, refused, evicted, wastedTokens } = result;
  const ttfts = Float64Array.from(realtime, ({ ttftMs }) => ttftMs).sort();
  const tpots = Float64Array.from(realtime, ({ tpotMs }) => tpotMs).sort();
  const missed = realtime.filter(({ ttftMs, tpotMs }) => ttftMs > slo.ttftMs || tpotMs > slo.tpotMs).length;
  const at = (values: Float64Array, share: number) => values[Math.floor(share * values.length)] ?? Number.NaN;
  return [
    ...[0.5, 0.95, 0.99].map((share) => at(ttfts, share).toFixed(0)),
    ...[0.5, 0.99].map((share) => at(tpots, share).toFixed(1)),
    `${((100 * missed) / realtime.length).toFixed(3)} %`,
    Math.round(asyncTokens / seconds).toLocaleString('en'),
    ...[refused, evicted, wastedTokens].map((count) => count.toLocaleString('en')),
  ];
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(14), ...cells.map((cell) => cell.padStart(12))].join('');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
