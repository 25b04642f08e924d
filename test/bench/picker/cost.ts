import { sendSteadily } from '../../real/support/steady-load.ts';
import { startProcess } from '../../support/processes.ts';
import { hostsOf } from './engines.ts';
import type { BenchRouter } from './routers.ts';

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const warmUpRequests = 6000;
const roundRequests = 2000;

/** Microseconds of CPU that a chat of this size costs each router: the median of rounds in turns, with all of them warm. */
export async function costs(
  routers: readonly BenchRouter[],
  sizeBytes: number,
): Promise<ReadonlyMap<BenchRouter, number>> {
  const engines = await Promise.all([0, 1, 2, 3].map(() => startProcess('test/real/support/plain-engine.ts', [])));
  const running = await Promise.all(
    routers.map(async (router) => ({ router, it: await router.start(hostsOf(engines)), costsUs: [] as number[] })),
  );
  const content = 'x'.repeat(sizeBytes - 80);
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] });
  const send = async (url: string, count: number) => {
    const { ends } = await sendSteadily({ url, count, connections: 64, body });
    if (ends[200] !== count) throw new Error(`not all of ${count} requests were answered: ${JSON.stringify(ends)}`);
  };
  try {
    for (const { it } of running) await send(it.url, warmUpRequests);
    for (let round = 0; round < rounds; round += 1) {
      for (const { it, costsUs } of running) {
        const before = it.cpuUs();
        await send(it.url, roundRequests);
        costsUs.push((it.cpuUs() - before) / roundRequests);
      }
    }
  } finally {
    for (const { it } of running) await it.stop();
    await Promise.all(engines.map((engine) => engine.kill('SIGKILL')));
  }
  return new Map(running.map(({ router, costsUs }) => [router, median(costsUs)]));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
