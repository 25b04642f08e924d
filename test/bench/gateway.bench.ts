import { join } from 'node:path';
import { chunksPerStream, type Load, type LoadResult } from './gateway/load-shape.ts';
import { apiKey, type Peer, startPeers } from './gateway/peers.ts';
import { type Measured, outputOf, start } from './gateway/processes.ts';

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 1500);
/** Servers that run for weeks are compared once their code is compiled. */
const warmUpRounds = 3;
const folder = join(import.meta.dirname, 'gateway');

interface Scenario {
  readonly name: string;
  readonly body: string;
  readonly connections: number;
  readonly rate?: number;
  /** What its cost is told by, and how many of them an answer holds. */
  readonly unit: string;
  readonly unitsPerAnswer: number;
}

const scenarios: readonly Scenario[] = [
  { name: '1 KB', body: requestOf(1024), connections: 64, unit: 'request', unitsPerAnswer: 1 },
  { name: '16 KB', body: requestOf(16 * 1024), connections: 64, unit: 'request', unitsPerAnswer: 1 },
  {
    name: `streams of ${chunksPerStream}`,
    body: requestOf(1024, true),
    connections: 64,
    unit: 'chunk',
    unitsPerAnswer: chunksPerStream,
  },
  { name: '1 KB at 500/s', body: requestOf(1024), connections: 32, rate: 500, unit: 'request', unitsPerAnswer: 1 },
];

interface Round extends LoadResult {
  readonly cpuMicrosPerUnit: number;
  readonly perSecond: number;
}

/** The gateway against its peers, in turns, so that what else the machine does meets all alike. */
export async function run(): Promise<void> {
  const upstream = await start({ command: [process.execPath, join(folder, 'canned-upstream.ts')] }, 0);
  const started: Measured[] = [upstream];
  try {
    const peers = await startPeers(upstream);
    started.push(...peers.map((peer) => peer.process));
    for (const scenario of scenarios) printTable(scenario, peers, await measure(scenario, peers));
    process.stdout.write(`\n${'peak memory'.padEnd(12)} ${peers.map(describeMemory).join(', ')}\n`);
  } finally {
    for (const each of started) each.kill();
  }
}

async function measure(scenario: Scenario, peers: readonly Peer[]): Promise<Map<Peer, Round[]>> {
  const results = new Map(peers.map((peer) => [peer, [] as Round[]]));
  for (let round = 0; round < warmUpRounds; round += 1) for (const peer of peers) await once(scenario, peer);
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
      middle(({ perSecond }) => perSecond).toFixed(0),
      middle(({ cpuMicrosPerUnit }) => cpuMicrosPerUnit).toFixed(1),
      middle(({ p50Ms }) => p50Ms).toFixed(2),
      middle(({ p99Ms }) => p99Ms).toFixed(2),
      String(theirs.reduce((sum, { failed }) => sum + failed, 0)),
      `× ${ratio(({ perSecond }) => perSecond).toFixed(2)}`,
      `× ${ratio(({ cpuMicrosPerUnit }) => cpuMicrosPerUnit).toFixed(2)}`,
    ];
    process.stdout.write(`${[peer.name.padEnd(14), ...cells.map((cell) => cell.padStart(15))].join('')}\n`);
  }
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
