import { setTimeout as delay } from 'node:timers/promises';
import { sendSteadily } from '../../real/support/steady-load.ts';
import { until } from '../../support/poll.ts';
import type { RunningProcess } from '../../support/processes.ts';
import { answeredBy, hostsOf, startEngines } from './engines.ts';
import type { BenchRouter, RunningRouter } from './routers.ts';

/** Something happens to one of the engines under load; what comes of it. */
export interface EngineChange {
  readonly name: string;
  readonly measure: (router: BenchRouter) => Promise<string>;
}

/** Streams of 40 tokens, one after another on each of sixteen connections, each with a prompt of its own. */
const load = {
  connections: 16,
  body: (index: number) =>
    JSON.stringify({
      model: 'm',
      stream: true,
      max_tokens: 40,
      ignore_eos: true,
      messages: [{ role: 'user', content: `${index} `.repeat(200) }],
    }),
};
/** Until a router must have seen what happened; after that it is measured for as long again, and once more. */
const noticeMs = 5000;

export const changes: readonly EngineChange[] = [
  {
    name: 'a fifth engine joins: its share from the fifth to the fifteenth second, of a fair 20 %',
    measure: (router) =>
      underLoad(router, [1, 1, 1, 1, 1], 4, async ({ running, engines }) => {
        running.use(hostsOf(engines));
        return laterShare(engines, 4);
      }),
  },
  {
    name: 'an engine is five times slower than three others: its share from the fifth to the fifteenth second',
    measure: (router) => underLoad(router, [0.2, 1, 1, 1], 4, ({ engines }) => laterShare(engines, 0)),
  },
  {
    name: 'an engine of four is killed: streams that were cut; other errors',
    measure: (router) =>
      underLoad(router, [1, 1, 1, 1], 4, async ({ engines, ends }) => {
        await engines[0]?.kill('SIGKILL');
        await delay(noticeMs);
        const { 200: _, cut = 0, ...others } = await ends();
        return `${cut}; ${Object.values(others).reduce((sum, count) => sum + count, 0)}`;
      }),
  },
];

interface Scene {
  readonly running: RunningRouter;
  readonly engines: readonly RunningProcess[];
  /** Ends the load: how its requests ended. */
  ends(): Promise<Readonly<Record<string, number>>>;
}

async function underLoad(
  router: BenchRouter,
  speeds: readonly number[],
  usedCount: number,
  play: (scene: Scene) => Promise<string>,
): Promise<string> {
  const engines = await startEngines(speeds);
  const hosts = hostsOf(engines);
  const running = await router.start(hosts, hosts.slice(0, usedCount));
  let isOver = false;
  const sent = sendSteadily({ ...load, url: running.url, count: Number.POSITIVE_INFINITY, isOver: () => isOver });
  const ends = async () => {
    isOver = true;
    return (await sent).ends;
  };
  try {
    const isUnderWay = async () => (await Promise.all(engines.slice(0, usedCount).map(answeredBy))).every(Boolean);
    await until(isUnderWay, { what: 'every engine to have answered' });
    return await play({ running, engines, ends });
  } finally {
    await ends();
    await running.stop();
    await Promise.all(engines.map((engine) => engine.kill('SIGKILL')));
  }
}

async function laterShare(engines: readonly RunningProcess[], of: number): Promise<string> {
  await delay(noticeMs);
  const before = await Promise.all(engines.map(answeredBy));
  await delay(2 * noticeMs);
  const after = await Promise.all(engines.map(answeredBy));
  const gained = after.map((each, index) => each - (before[index] ?? 0));
  return `${((100 * (gained[of] ?? 0)) / gained.reduce((sum, each) => sum + each, 0)).toFixed(1)} %`;
}
