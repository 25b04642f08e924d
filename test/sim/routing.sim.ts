import { policyNames } from '../../gateway/choose/policies/policies.ts';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { presetName, type Router, type RoutingFigures, type RoutingJob } from './routing-job.ts';
import { recorded, type TraceName, traceNames } from './traces.ts';
import { WorkerPool } from './worker-pool.ts';

interface Scenario {
  readonly slo: { readonly ttftMs: number; readonly tpotMs: number };
  /** Requests a second for each endpoint. */
  readonly loads: readonly number[];
  /** Between which the load is looked for at which `gie` begins to miss its SLOs; absent where it misses them at any. */
  readonly search?: readonly [number, number];
  /** On four endpoints. */
  readonly seconds: number;
}

const chat = { ttftMs: 1000, tpotMs: 50 };
const scenarios: Readonly<Record<TraceName, Scenario>> = {
  conversation: { slo: chat, loads: [7, 14, 18], search: [12, 20], seconds: 300 },
  code: { slo: chat, loads: [0.3, 1, 3], search: [0.1, 3], seconds: 600 },
  // Prompts of 12,000 tokens on the average: the first token alone takes half a second.
  prefixes: { slo: { ttftMs: 5000, tpotMs: 100 }, loads: [0.1, 0.2, 0.3], seconds: 3500 },
};
const routers: readonly Router[] = [...policyNames, 'endpoint picker'];
const missesToBegin = 0.01;
const searchSteps = 6;

/** `npm run sim -- routing`: every policy on real traces, before simulated engines, on a virtual clock. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- routing',
      about: 'Every POLICY on recorded traffic before simulated engines, on a virtual clock.',
      flags: {
        endpoints: integer('--endpoints', { default: '4', min: 1, max: 64, meaning: 'simulated engines' }),
        seeds: integer('--seeds', { default: '5', min: 1, max: 5, meaning: 'windows of the trace, each a run' }),
      },
    },
    argv,
  );
  const pool = new WorkerPool<RoutingJob, RoutingFigures>(new URL('./routing-worker.ts', import.meta.url));
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  print(`${flags.endpoints} × ${presetName} (composed of published kernel profiles, not validated end to end)`);
  print(recorded ? 'recorded traces' : 'generated traces: the recorded ones are not here');
  try {
    for (const trace of traceNames) {
      const { slo, loads, search, seconds } = scenarios[trace];
      const base = { trace, endpoints: flags.endpoints, slo, seconds: (seconds * 4) / flags.endpoints };
      const figuresOf = async (router: Router, perSecond: number) =>
        meanOf(await Promise.all(seeds.map((seed) => pool.run({ ...base, router, perSecond, seed }))));
      const edge = search && (await loadOfFirstMisses(search, (perSecond) => figuresOf('gie', perSecond)));
      for (const load of [...loads, ...(edge === undefined ? [] : [edge])]) {
        const isEdge = load === edge;
        print(`\n${trace}: ${load.toFixed(2)} requests/s an endpoint${isEdge ? ', where gie misses 1 %' : ''}`);
        print(`TTFT ≤ ${slo.ttftMs} ms, ${slo.tpotMs} ms a token; mean over ${seeds.length} windows`);
        print(row('', ['TTFT mean', 'p50', 'p95', 'p99', 'TPOT p50', 'p99', 'missed', 'cached', 'pred. error']));
        const all = await Promise.all(routers.map((router) => figuresOf(router, load)));
        for (const [index, figures] of all.entries()) print(row(routers[index]!, cellsOf(figures)));
      }
    }
  } finally {
    await pool.close();
  }
}

/** By halving: misses only grow with the load. */
async function loadOfFirstMisses(
  [low, high]: readonly [number, number],
  figuresOf: (perSecond: number) => Promise<RoutingFigures>,
): Promise<number> {
  let [below, above] = [low, high];
  for (let step = 0; step < searchSteps; step += 1) {
    const middle = (below + above) / 2;
    if ((await figuresOf(middle)).missed < missesToBegin) below = middle;
    else above = middle;
  }
  return above;
}

function meanOf(runs: readonly RoutingFigures[]): RoutingFigures {
  const names = Object.keys(runs[0]!) as (keyof RoutingFigures)[];
  const means = names.map((name) => [name, runs.reduce((sum, run) => sum + run[name], 0) / runs.length]);
  return Object.fromEntries(means) as RoutingFigures;
}

function cellsOf(figures: RoutingFigures): string[] {
  const { ttftMean, ttftP50, ttftP95, ttftP99, tpotP50, tpotP99, missed, cached, predictionError } = figures;
  const percent = (share: number, digits: number) => `${(100 * share).toFixed(digits)} %`;
  return [
    ...[ttftMean, ttftP50, ttftP95, ttftP99].map((ms) => ms.toFixed(0)),
    ...[tpotP50, tpotP99].map((ms) => ms.toFixed(1)),
    percent(missed, 2),
    percent(cached, 1),
    percent(predictionError, 0),
  ];
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(16), ...cells.map((cell) => cell.padStart(12))].join('');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
