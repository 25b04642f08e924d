import { execFileSync } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root, type Surroundings, startFunction, startSurroundings } from './function/function-process.ts';
import type { PushLoad } from './function/push-load-shape.ts';
import { outputOf, start } from './gateway/processes.ts';

const calls = 64;
const dataBytes = 100 * 1024;
const folder = join(import.meta.dirname, 'function');

interface Way {
  readonly name: string;
  readonly main: string;
}

/** From its sources, as `npm run function` starts it, and as it is deployed. */
const ways: readonly Way[] = [
  { name: 'TypeScript, unbundled', main: join(root, 'functions/processor/main.ts') },
  { name: 'bundle', main: join(root, 'dist/function/main.mjs') },
];

/** What the function holds of memory: started, after thousands of messages, and with 64 calls of 100 KB under way. */
export async function run(): Promise<void> {
  execFileSync(process.execPath, [join(root, 'infra/build/main.ts')], { stdio: 'ignore' });
  const around = await startSurroundings();
  try {
    const empty = await start({ command: [process.execPath, join(folder, 'empty-handler.ts')] }, 1);
    const rows: [string, string][] = [
      ['', 'MB'],
      ['framework with an empty handler', empty.residentMegabytes.toFixed(0)],
    ];
    empty.kill();
    for (const way of ways) {
      rows.push([way.name, '']);
      for (const [what, megabytes] of await measure(way, around)) rows.push([`  ${what}`, megabytes.toFixed(0)]);
    }
    process.stdout.write(`\n${rows.map(([name, value]) => `${name.padEnd(40)}${value.padStart(6)}\n`).join('')}`);
  } finally {
    around.kill();
  }
}

async function measure({ main }: Way, around: Surroundings): Promise<[string, number][]> {
  const gateway = await startHoldingGateway();
  const service = await startFunction(around, { INFERENCE_GATEWAY_URL: gateway.url }, main);
  const load = async (durationMs: number): Promise<void> => {
    const options: PushLoad = { url: service.url, dataBytes, connections: calls, durationMs };
    await outputOf([process.execPath, join(folder, 'push-load.ts'), JSON.stringify(options)], 0);
  };
  try {
    const atStart = service.residentMegabytes;
    // The limit on calls grows to its ceiling meanwhile.
    await load(5000);
    const worn = service.residentMegabytes;
    gateway.hold();
    const during = load(6000);
    await gateway.held(calls);
    const inFlight = service.residentMegabytes;
    gateway.release();
    await during;
    return [
      ['started', atStart],
      ['after 5 s of load', worn],
      [`with ${calls} calls of 100 KB under way`, inFlight],
      ['at most', service.peakMegabytes],
    ];
  } finally {
    service.kill();
    gateway.close();
  }
}

/** Answers at once, until it is told to hold its callers. */
async function startHoldingGateway() {
  const waiting: ServerResponse[] = [];
  let holds = false;
  let onHeld: () => void = () => undefined;
  const answer = (response: ServerResponse): void => void response.end('{"choices":[]}');
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (!holds) return answer(response);
      waiting.push(response);
      onHeld();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: () => (holds = true),
    held: (count: number) =>
      new Promise<void>((resolve) => {
        onHeld = () => waiting.length >= count && resolve();
        onHeld();
      }),
    release: () => {
      holds = false;
      for (const response of waiting.splice(0)) answer(response);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
