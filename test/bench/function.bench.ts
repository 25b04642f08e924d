import { join } from 'node:path';
import { startFunction, startSurroundings } from './function/function-process.ts';
import type { PushLoad, PushLoadResult } from './function/push-load-shape.ts';
import { type Measured, outputOf, start } from './gateway/processes.ts';

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const warmUpRounds = 5;
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 2000);
const folder = join(import.meta.dirname, 'function');
const sizes = [
  { name: '1 KB', dataBytes: 1024 },
  { name: '16 KB', dataBytes: 16 * 1024 },
];

interface Peer {
  readonly name: string;
  readonly process: Measured;
}

interface Round {
  readonly perSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly failed: number;
}

/** The whole way of a message, before an instant gateway and Pub/Sub, against the framework with a handler that does nothing. */
export async function run(): Promise<void> {
  const around = await startSurroundings();
  const peers: Peer[] = [];
  try {
    const empty = { command: [process.execPath, join(folder, 'empty-handler.ts')] };
    peers.push({ name: 'function', process: await startFunction(around) });
    peers.push({ name: 'empty handler', process: await start(empty, 1) });
    for (const { name, dataBytes } of sizes) {
      const results = new Map(peers.map((peer) => [peer, [] as Round[]]));
      // What runs for days is measured compiled.
      for (let round = 0; round < warmUpRounds; round += 1) for (const peer of peers) await once(peer, dataBytes);
      for (let round = 0; round < rounds; round += 1) {
        for (const peer of peers) results.get(peer)?.push(await once(peer, dataBytes));
      }
      printTable(name, results);
    }
  } finally {
    for (const peer of peers) peer.process.kill();
    around.kill();
  }
}

async function once({ process: peer }: Peer, dataBytes: number): Promise<Round> {
  const load: PushLoad = { url: peer.url, dataBytes, connections: 64, durationMs: roundMs };
  const cpuBefore = peer.cpuSeconds;
  const command = [process.execPath, join(folder, 'push-load.ts'), JSON.stringify(load)];
  const { answered, failed, seconds } = JSON.parse(await outputOf(command, 0)) as PushLoadResult;
  const cpuMicrosPerMessage = ((peer.cpuSeconds - cpuBefore) * 1e6) / answered;
  return { perSecond: answered / seconds, cpuMicrosPerMessage, failed };
}

function printTable(size: string, results: ReadonlyMap<Peer, readonly Round[]>): void {
  const columns = ['messages/s', 'CPU µs/message', 'failed', 'of its rate', 'of its CPU'];
  process.stdout.write(`\n${[size.padEnd(14), ...columns.map((name) => name.padStart(15))].join('')}\n`);
  const [ours = [], theirs = []] = [...results.values()];
  for (const [{ name }, own] of results) {
    const ratio = (of: (round: Round) => number): string =>
      `× ${median(own.map((round, at) => of(round) / of(theirs[at] ?? round))).toFixed(2)}`;
    const cells = [
      median(own.map(({ perSecond }) => perSecond)).toFixed(0),
      median(own.map(({ cpuMicrosPerMessage }) => cpuMicrosPerMessage)).toFixed(0),
      String(own.reduce((sum, { failed }) => sum + failed, 0)),
      own === ours ? ratio(({ perSecond }) => perSecond) : '',
      own === ours ? ratio(({ cpuMicrosPerMessage }) => cpuMicrosPerMessage) : '',
    ];
    process.stdout.write(`${[name.padEnd(14), ...cells.map((cell) => cell.padStart(15))].join('')}\n`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
