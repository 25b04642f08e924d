import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { type AsyncLoad, type Experiment, leftOut } from './experiment.ts';
import type { EngineKind } from './pool/engine-kinds.ts';
import { percent, print, row } from './report.ts';
import { WorkerPool } from './worker-pool.ts';

const fast: EngineKind = { preset: 'h100-80g-llama3.1-8b-tp1' };
const large: EngineKind = { preset: 'a100-80g-llama-70b-tp4' };
/** Some 65 ms a token when it is idle: slower than what is promised where nothing is promised. */
const slow: EngineKind = { ...large, slowness: 2 };

/** What async work gets of a pool that has nothing else to do. */
export const idleCases: Readonly<Record<string, { readonly engine: EngineKind; readonly async: AsyncLoad }>> = {
  'documents, 8B': { engine: fast, async: { kind: 'documents', callers: 512 } },
  'documents, 70B': { engine: large, async: { kind: 'documents', callers: 512 } },
  'documents, 65 ms a token': { engine: slow, async: { kind: 'documents', callers: 512 } },
  'answers of 16 tokens, 70B': { engine: large, async: { kind: 'labels', callers: 512 } },
  'answers of 16 tokens, 8B': { engine: fast, async: { kind: 'labels', callers: 512 } },
  'chats without usage, 8B': {
    engine: fast,
    async: { kind: 'chats', callers: 480, stream: true, withoutUsage: true },
  },
  'chats without usage, 65 ms a token': {
    engine: slow,
    async: { kind: 'chats', callers: 480, stream: true, withoutUsage: true },
  },
  'whole answers without usage, 70B': { engine: large, async: { kind: 'chats', callers: 480, withoutUsage: true } },
  'embeddings, 8B': { engine: fast, async: { kind: 'embeddings', callers: 512 } },
};

export const idleExperiment = (
  { engine, async }: (typeof idleCases)[string],
  seconds: number,
  unheld = false,
): Experiment => ({
  world: { kind: 'none' },
  seconds,
  seed: 1,
  way: unheld ? 'plain' : 'ours',
  policy: unheld ? 'least-request' : 'latency',
  engines: [engine, engine],
  async: { ...async, unheld },
});

/** `npm run sim -- idle`: what async work gets of a pool that has nothing else to do, and what the same callers get directly. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- idle',
      about: 'An endless async backlog alone, through the gateway and straight to the engines, on a virtual clock.',
      flags: { seconds: integer('--seconds', { default: '300', min: 20, max: 3500, meaning: 'of work' }) },
    },
    argv,
  );
  const pool = new WorkerPool();
  print('Two engines; callers send straight to the gateway, or all at once to the engines.');
  print(`Not simulated: ${leftOut.join('; ')}.\n`);
  print(row('', ['direct tok/s', 'held tok/s', 'share', 'served/s', 'refused'], 40));
  for (const [name, each] of Object.entries(idleCases)) {
    const [direct, held] = await Promise.all(
      [true, false].map((unheld) => pool.run(idleExperiment(each, flags.seconds, unheld))),
    );
    const [most, got] = [direct!.async, held!.async];
    const cells = [
      Math.round(most.tokensPerSecond).toLocaleString('en'),
      Math.round(got.tokensPerSecond).toLocaleString('en'),
      percent(got.tokensPerSecond / most.tokensPerSecond, 1),
      (got.served / flags.seconds).toFixed(1),
      got.refused.toLocaleString('en'),
    ];
    print(row(name, cells, 40));
  }
}
