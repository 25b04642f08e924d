import { join } from 'node:path';
import { chunksPerStream, type Load, type LoadResult } from './gateway/load-shape.ts';
import { apiKey, type Peer, startPeers, startUpstream } from './gateway/peers.ts';
import { type Measured, outputOf } from './gateway/processes.ts';

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 1500);
/** Servers that run for weeks are compared once their code is compiled, and after streams, which show what their endpoints take at once. */
const warmUpRounds = { streams: 4, further: 3 };
const folder = join(import.meta.dirname, 'gateway');
const endpointCounts = (process.env.BENCH_ENDPOINTS ?? '1,4,16').split(',').map(Number);
const connections = 64;

interface Scenario {
  readonly name: string;
  readonly body: string;
  readonly connections: number;
  readonly rate?: number;
  readonly events?: number;
  /** What its cost is told by, and how many of them an answer holds. */
  readonly unit: string;
  readonly unitsPerAnswer: number;
}

const streams: Scenario = {
  name: `streams of ${chunksPerStream}`,
  body: requestOf(1024, true),
  connections,
  events: chunksPerStream,
  unit: 'chunk',
  unitsPerAnswer: chunksPerStream,
};
const scenarios: readonly Scenario[] = [
  ...[1, 16, 100].map((kilobytes) => ({
    name: `${kilobytes} KB`,
    body: requestOf(kilobytes * 1024),
    connections,
    unit: 'request',
    unitsPerAnswer: 1,
  })),
  streams,
  { name: '1 KB at 500/s', body: requestOf(1024), connections: 32, rate: 500, unit: 'request', unitsPerAnswer: 1 },
];

interface Round extends LoadResult {
  readonly cpuMicrosPerUnit: number;
  readonly perSecond: number;
}

/** The gateway against its peers, in turns, so that what else the machine does meets all alike; before one endpoint, and before several. */
export async function run(): Promise<void> {
  for (const endpoints of endpointCounts) await compare(endpoints);
}

async function compare(endpoints: number): Promise<void> {
  const upstream = await startUpstream(endpoints);
  const started: Measured[] = [upstream.process];
  process.stdout.write(`\nendpoints: ${endpoints}\n`);
  try {
    const peers = await startPeers(upstream, connections);
    started.push(...peers.map((peer) => peer.process));
    await warmUp(streams, peers, warmUpRounds.streams);
    for (const scenario of scenarios) {
      await warmUp(scenario, peers, warmUpRounds.further);
      printTable(scenario, peers, await measure(scenario, peers));
    }
    process.stdout.write(`\n${'peak memory'.padEnd(12)} ${peers.map(describeMemory).join(', ')}\n`);
  } finally {
    for (const each of started) each.kill();
  }
}

async function warmUp(scenario: Scenario, peers: readonly Peer[], count: number): Promise<void> {
  for (let round = 0; round < count; round += 1) for (const peer of peers) await once(scenario, peer);
}

async function measure(scenario: Scenario, peers: readonly Peer[]): Promise<Map<Peer, Round[]>> {
  const results = new Map(peers.map((peer) => [peer, [] as Round[]]));
  // In alternating order: a peer that runs after a pause finds a cold core.
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of round % 2 === 0 ? peers : peers.toReversed())
      results.get(peer)?.push(await once(scenario, peer));
  }
  return results;
}

async function once(scenario: Scenario, peer: Peer): Promise<Round> {
  const load: Load = {
    url: peer.process.url,
    headers: { authorization: `Bearer ${apiKey}`, ...peer.headers },
    body: scenario.body,
    connections: scenario.connections,
    durationMs: roundMs,
    ...(scenario.rate === undefined ? {} : { rate: scenario.rate }),
    ...(scenario.events === undefined ? {} : { events: scenario.events }),
  };
  const cpuBefore = peer.process.cpuSeconds;
  const command = [process.execPath, join(folder, 'load-generator.ts'), JSON.stringify(load)];
  const result = JSON.parse(await outputOf(command, 0)) as LoadResult;
  const units = result.answered * scenario.unitsPerAnswer;
  const cpuMicrosPerUnit = ((peer.process.cpuSeconds - cpuBefore) * 1e6) / units;
  return { ...result, cpuMicrosPerUnit, perSecond: units / result.seconds };
}

function printTable(scenario: Scenario, peers: readonly Peer[], results: ReadonlyMap<Peer, readonly Round[]>): void {
  const { unit } = scenario;
  const columns = [`${unit}s/s`, `CPU µs/${unit}`, 'p50 ms', 'p99 ms', 'failed', 'gateway’s rate', 'gateway’s CPU'];
  const ours = results.get(peers.find(({ name }) => name === 'gateway') as Peer) ?? [];
  process.stdout.write(`\n${[scenario.name.padEnd(14), ...columns.map((name) => name.padStart(15))].join('')}\n`);
  for (const peer of peers) {
    const theirs = results.get(peer) ?? [];
    const middle = (of: (round: Round) => number) => median(theirs.map(of));
    const ratio = (of: (round: Round) => number) =>
      median(theirs.map((round, at) => of(ours[at] ?? round) / of(round)));
    const cells = [
      figure(
        middle(({ perSecond }) => perSecond),
        0,
      ),
      figure(
        middle(({ cpuMicrosPerUnit }) => cpuMicrosPerUnit),
        1,
      ),
      figure(
        middle(({ p50Ms }) => p50Ms),
        2,
      ),
      figure(
        middle(({ p99Ms }) => p99Ms),
        2,
      ),
      String(theirs.reduce((sum, { failed }) => sum + failed, 0)),
      `× ${figure(
        ratio(({ perSecond }) => perSecond),
        2,
      )}`,
      `× ${figure(
        ratio(({ cpuMicrosPerUnit }) => cpuMicrosPerUnit),
        2,
      )}`,
    ];
    process.stdout.write(`${[peer.name.padEnd(14), ...cells.map((cell) => cell.padStart(15))].join('')}\n`);
  }
}

/** A peer that served nothing has no figures. */
function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}

function describeMemory({ name, process: { peakMegabytes } }: Peer): string {
  return `${name} ${peakMegabytes.toFixed(0)} MB`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** A chat request of about that size. */
function requestOf(sizeBytes: number, stream = false): string {
  const around = (content: string) =>
    JSON.stringify({ model: 'm', ...(stream ? { stream } : {}), messages: [{ role: 'user', content }] });
  return around('some words and '.repeat(sizeBytes / 15).slice(0, sizeBytes - around('').length));
}
