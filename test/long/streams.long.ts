import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { parsePrometheusText } from '../../shared/runtime/prometheus-text.ts';
import { ask, get, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { report } from '../support/report.ts';
import { StreamUsers } from './streams/stream-users.ts';

const concurrent = Number(process.env.STREAMS ?? 2000);
const seconds = Number(process.env.STREAM_SECONDS ?? 600);
const seed = Number(process.env.SEED ?? 1);
const chunkEveryMs = 200;
const endpoints = 4;
const mostStallMs = 100;
/** Memory of the last third, of which the second third had so much: collections fall where they fall. */
const atMostMegabytes = (before: number) => before * 1.08 + 8;

interface Look {
  readonly rssMegabytes: number;
  readonly heapMegabytes: number;
  readonly stallMs: number;
  readonly upstreamStallMs: number;
  /** How long the gateway's thread could have run and had no core, since the look before. */
  readonly withoutCoreMs: number;
}

interface UpstreamState {
  readonly running: number;
  readonly began: number;
  readonly connections: number;
  readonly worstStallMs: number;
}

test(`${concurrent} streams of 5 chunks a second for ${seconds} s, a tenth of them left at random`, async () => {
  const upstream = await startProcess('test/long/streams/stream-upstream.ts', [String(chunkEveryMs)]);
  const paths = Array.from({ length: endpoints }, (_, index) => `${upstream.url}/${index}`);
  const gateway = await startGateway({ ENDPOINTS: paths.join(','), METRICS_REFRESH_MS: '250', LOG_LEVEL: 'warn' });
  const users = new StreamUsers({
    url: gateway.url,
    count: concurrent,
    random: seededRandom(seed),
    cancelShare: 0.1,
    tokens: [25, 300],
  });
  const upstreamState = async () => (await get(upstream.url, '/state')) as unknown as UpstreamState;
  const socketsBefore = (await figures(gateway.url)).sockets;
  const comeOverMs = 4000;
  users.start(comeOverMs);
  await until(() => users.open === concurrent, { what: 'every user to have come', timeoutMs: 20_000 });
  const looks: Look[] = [];
  const endsAtMs = performance.now() + seconds * 1000;
  await figures(gateway.url);
  let withoutCoreBeforeMs = withoutCoreMs(gateway.pid);
  while (performance.now() < endsAtMs) {
    await delay(1000);
    const [own, beneath] = await Promise.all([figures(gateway.url), upstreamState()]);
    const waitedMs = withoutCoreMs(gateway.pid);
    looks.push({ ...own, upstreamStallMs: beneath.worstStallMs, withoutCoreMs: waitedMs - withoutCoreBeforeMs });
    withoutCoreBeforeMs = waitedMs;
  }
  const { chunks } = users;
  users.stop();
  const drainMs = 90_000;
  await until(() => users.open === 0, { what: 'every stream to end', timeoutMs: drainMs });
  const held = async () => {
    const { endpoints } = (await get(gateway.url, '/debug/state')) as {
      endpoints: { realtime: Record<string, number> }[];
    };
    return endpoints.flatMap(({ realtime }) => Object.values(realtime));
  };
  await until(async () => (await held()).every((count) => count === 0), { what: 'every slot to be free' });
  expect((await upstreamState()).running).toBe(0);
  users.close();
  // Idle connections go, of both sides.
  const socketsAfter = await until(
    async () => {
      const { sockets } = await figures(gateway.url);
      return sockets <= socketsBefore + 2 && sockets;
    },
    { what: 'connections to be closed', timeoutMs: 30_000 },
  );

  const second = looks.slice(Math.floor(looks.length / 3), Math.floor((looks.length * 2) / 3));
  const last = looks.slice(Math.floor((looks.length * 2) / 3));
  // The two are not read at one moment: what is missing in one look is in the look before.
  const own = looks.filter((look, at) => {
    return look.stallMs - look.withoutCoreMs - (looks[at - 1]?.withoutCoreMs ?? 0) > mostStallMs;
  });
  const rss = [second, last].map((third) => median(third.map(({ rssMegabytes }) => rssMegabytes)));
  const heap = [second, last].map((third) => median(third.map(({ heapMegabytes }) => heapMegabytes)));
  const stalls = looks.map(({ stallMs }) => stallMs).sort((a, b) => a - b);
  report(`${concurrent} streams, ${seconds} s, seed ${seed}`, {
    served: users.served,
    left: users.left,
    failed: users.failed.length,
    'chunks a second': Math.round(chunks / (seconds + comeOverMs / 2000)),
    'RSS MB, second and last third': rss.map((megabytes) => megabytes.toFixed(0)).join(' '),
    'heap MB, second and last third': heap.map((megabytes) => megabytes.toFixed(1)).join(' '),
    'longest stall in a second, ms, median': stalls[Math.floor(stalls.length / 2)]?.toFixed(1) ?? '',
    worst: stalls.at(-1)?.toFixed(1) ?? '',
    'seconds above 100 ms': stalls.filter((stallMs) => stallMs > mostStallMs).length,
    'of these not the machine’s': own.length,
    'worst of the upstream': Math.max(...looks.map(({ upstreamStallMs }) => upstreamStallMs)).toFixed(1),
    'worst without a core in a second': Math.max(...looks.map((look) => look.withoutCoreMs)).toFixed(0),
    'CPU s': (await figures(gateway.url)).cpuSeconds.toFixed(0),
    'sockets before and after': `${socketsBefore} ${socketsAfter}`,
  });
  expect(users.failed.slice(0, 10)).toEqual([]);
  expect(own).toEqual([]);
  expect(rss[1]).toBeLessThan(atMostMegabytes(rss[0] ?? 0));
  expect(heap[1]).toBeLessThan(atMostMegabytes(heap[0] ?? 0));
});

/** What the gateway says of its own process; the stall is the longest since the question before. */
async function figures(url: string) {
  const text = (await ask(url, { method: 'GET', path: '/metrics' })).body.toString();
  const samples = [...parsePrometheusText(text)];
  const value = (name: string) => samples.find((sample) => sample.name === name)?.value ?? Number.NaN;
  const sockets = samples.find(
    ({ name, labels }) => name === 'nodejs_active_resources' && labels.type === 'TCPSocketWrap',
  );
  return {
    rssMegabytes: value('process_resident_memory_bytes') / 2 ** 20,
    heapMegabytes: value('nodejs_heap_size_used_bytes') / 2 ** 20,
    stallMs: value('nodejs_eventloop_lag_max_seconds') * 1000,
    cpuSeconds: value('process_cpu_seconds_total'),
    sockets: sockets?.value ?? 0,
  };
}

/** Source: proc(5), schedstat: nanoseconds that a task waited on a run queue; 0 where there is no such file. */
function withoutCoreMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
