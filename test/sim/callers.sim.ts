import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { type AsyncLoad, type Experiment, leftOut } from './experiment.ts';
import { percent, print, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';
import type { World } from './worlds/world.ts';

const chats: World = { kind: 'traces', perSecond: { conversation: 6 } };

/** Pools before which the function should get what a plain caller gets. */
export const callersCases: Readonly<Record<string, { readonly places: number; readonly world: World }>> = {
  'alone on 2 × 32 places': { places: 32, world: { kind: 'none' } },
  'beside 6 chats/s on 2 × 32 places': { places: 32, world: chats },
  'alone on 2 × 8 places': { places: 8, world: { kind: 'none' } },
};

/** As many calls as two instances of the function may have under way, that come back whenever they are refused; and the function. */
const loads = {
  callers: { kind: 'documents', callers: 256 },
  function: { kind: 'documents', instances: 2 },
} as const satisfies Readonly<Record<string, AsyncLoad>>;

export const callersExperiment = (
  { places, world }: (typeof callersCases)[string],
  load: keyof typeof loads,
  seconds: number,
): Experiment => {
  const engine = { preset: 'h100-80g-llama3.1-8b-tp1', maxNumSeqs: places };
  return {
    world,
    seconds,
    seed: 1,
    way: 'ours',
    policy: 'latency',
    engines: [engine, engine],
    slo: { ttftMs: 1000, tpotMs: 50 },
    async: loads[load],
  };
};

/** `npm run sim -- callers`: what the function gets before our gateway, and what as many plain callers get there. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- callers',
      about:
        'Two instances of the function before our gateway, and 256 plain callers in their place, on a virtual clock.',
      flags: { seconds: integer('--seconds', { default: '600', min: 20, max: 3500, meaning: 'of work' }) },
    },
    argv,
  );
  const pool = new WorkerPool();
  print(`Not simulated: ${leftOut.join('; ')}.\n`);
  print(row('', ['callers/s', 'function/s', 'share', 'TTFT p95', 'of function'], 40));
  for (const [name, each] of Object.entries(callersCases)) {
    const [callers, own] = await Promise.all(
      (['callers', 'function'] as const).map((load) => pool.run(callersExperiment(each, load, flags.seconds))),
    );
    const perSecond = [callers!, own!].map(({ async }) => (async.served / flags.seconds).toFixed(1));
    const share = own!.async.tokensPerSecond / callers!.async.tokensPerSecond;
    const ttfts = [callers!, own!].map(({ realtime }) => (realtime.requests > 0 ? realtime.ttftP95.toFixed(0) : ''));
    print(row(name, [...perSecond, percent(share, 1), ...ttfts], 40));
  }
}
