import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { timeToFirstPush } from './function/first-push.ts';
import { functionEnvironment, root, startSurroundings } from './function/function-process.ts';

const rounds = Number(process.env.BENCH_ROUNDS ?? 7);

/** How long a message waits for an instance that starts: from TypeScript, from the bundle, and from the bundle with a warm compile cache. */
export async function run(): Promise<void> {
  execFileSync(process.execPath, [join(root, 'infra/build/main.ts')], { stdio: 'ignore' });
  const bundle = join(root, 'dist/function/main.mjs');
  execFileSync(process.execPath, [join(root, 'dist/function/warm-up.mjs')], { stdio: 'ignore' });
  const cache = join(root, 'dist/function/compile-cache');
  const ways: { name: string; args: string[]; env: Record<string, string>; ms: number[] }[] = [
    { name: 'TypeScript, unbundled', args: [join(root, 'functions/processor/main.ts')], env: {}, ms: [] },
    {
      name: 'bundle, no compile cache',
      args: [bundle],
      env: { NODE_DISABLE_COMPILE_CACHE: '1' },
      ms: [],
    },
    {
      name: 'bundle, warm compile cache',
      args: [bundle],
      env: { NODE_COMPILE_CACHE: cache },
      ms: [],
    },
  ];
  const around = await startSurroundings();
  try {
    for (let round = -1; round < rounds; round += 1) {
      for (const way of ways) {
        const env = { ...functionEnvironment(around), ...way.env };
        const ms = await timeToFirstPush(way.args, env);
        if (round >= 0) way.ms.push(ms);
      }
    }
  } finally {
    around.kill();
  }
  const unbundled = ways[0]?.ms ?? [];
  process.stdout.write(
    `\n${'process start to first 204'.padEnd(28)}${'ms'.padStart(10)}${'of unbundled'.padStart(15)}\n`,
  );
  for (const { name, ms } of ways) {
    const ratio = median(ms.map((each, round) => each / (unbundled[round] ?? Number.NaN)));
    process.stdout.write(
      `${name.padEnd(28)}${median(ms).toFixed(0).padStart(10)}${`× ${ratio.toFixed(2)}`.padStart(15)}\n`,
    );
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
