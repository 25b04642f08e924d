import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { functionEnvironment, root, startSurroundings } from './function/function-process.ts';
import type { PushLoad } from './function/push-load-shape.ts';
import { outputOf, start } from './gateway/processes.ts';

const calls = 64;
const dataBytes = 100 * 1024;
const folder = join(import.meta.dirname, 'function');

/** What the function holds of memory: started, after thousands of messages, and with 64 calls of 100 KB under way. */
export async function run(): Promise<void> {
  const around = await startSurroundings();
  const gateway = await startHoldingGateway();
  const env = { ...functionEnvironment(around), INFERENCE_GATEWAY_URL: gateway.url };
  const service = await start({ command: [process.execPath, join(root, 'functions/processor/main.ts')], env }, 1);
  const empty = await start({ command: [process.execPath, join(folder, 'empty-handler.ts')] }, 1);
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
    let inFlight = Number.NaN;
    const during = load(6000);
    await gateway.held(calls);
    inFlight = service.residentMegabytes;
    gateway.release();
    await during;
    const rows: [string, number][] = [
      ['framework with an empty handler', empty.residentMegabytes],
      ['function, started', atStart],
      ['after 5 s of load', worn],
      [`with ${calls} calls of 100 KB under way`, inFlight],
      ['at most', service.peakMegabytes],
    ];
    process.stdout.write(`\n${'memory'.padEnd(36)}${'MB'.padStart(6)}\n`);
    for (const [name, megabytes] of rows) {
      process.stdout.write(`${name.padEnd(36)}${megabytes.toFixed(0).padStart(6)}\n`);
    }
  } finally {
    for (const each of [service, empty]) each.kill();
    around.kill();
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
