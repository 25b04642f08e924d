import { type PolicyName, policyNames } from '../../gateway/choose/policies/policies.ts';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { leftOut } from './experiment.ts';
import { type Figures, meanOf } from './figures.ts';
import { figureCells, figureNames, print, printHead, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import { type TraceName, traceNames } from './worlds/trace.ts';

/** A policy of ours, or how an endpoint picker works without a queue of its own. */
type Routing = PolicyName | 'endpoint picker';

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
const routings: readonly Routing[] = [...policyNames, 'endpoint picker'];
const preset = 'h100-80g-llama3.1-8b-tp1';
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
  const pool = new WorkerPool();
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const engines = Array.from({ length: flags.endpoints }, () => ({ preset }));
  printHead(flags.endpoints, preset, leftOut);
  for (const trace of traceNames) {
    const { slo, loads, search, seconds } = scenarios[trace];
    const figuresOf = async (routing: Routing, perSecond: number): Promise<Figures> => {
      const runs = seeds.map((seed) =>
        pool.run({
          world: { kind: 'traces', perSecond: { [trace]: perSecond * flags.endpoints } },
          seconds: (seconds * 4) / flags.endpoints,
          seed,
          way: routing === 'endpoint picker' || routing === 'llm-d' ? 'plain' : 'ours',
          policy: routing === 'endpoint picker' ? 'gie' : routing,
          engines,
          slo,
        }),
      );
      return meanOf((await Promise.all(runs)).map(({ realtime }) => realtime));
    };
    const edge = search && (await loadOfFirstMisses(search, (perSecond) => figuresOf('gie', perSecond)));
    for (const load of [...loads, ...(edge === undefined ? [] : [edge])]) {
      print(
        `\n${trace}: ${load.toFixed(2)} requests/s an endpoint${load === edge ? ', where gie misses 1 %' : ''}; ` +
          `TTFT ≤ ${slo.ttftMs} ms, ${slo.tpotMs} ms a token; mean over ${seeds.length} windows`,
      );
      print(row('', figureNames));
      const all = await Promise.all(routings.map((routing) => figuresOf(routing, load)));
      for (const [index, figures] of all.entries()) print(row(routings[index]!, figureCells(figures)));
    }
  }
}

/** By halving: misses only grow with the load. */
async function loadOfFirstMisses(
  [low, high]: readonly [number, number],
  figuresOf: (perSecond: number) => Promise<Figures>,
): Promise<number> {
  let [below, above] = [low, high];
  for (let step = 0; step < searchSteps; step += 1) {
    const middle = (below + above) / 2;
    if ((await figuresOf(middle)).missed < missesToBegin) below = middle;
    else above = middle;
  }
  return above;
}
