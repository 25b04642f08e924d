import { expect, test } from 'vitest';
import type { Served } from './pool/client-request.ts';
import { type GatewaySpec, SimulatedGateway } from './pool/simulated-gateway.ts';
import { VirtualClock } from './virtual-clock.ts';

const places = 16;
const small = { preset: 'h100-80g-llama3.1-8b-tp1', maxNumSeqs: places };

/** Requests before engines of sixteen places each, and the most that any engine held beyond its places. */
function trial(engines: number, { pages }: Pick<GatewaySpec, 'pages'> = {}) {
  const clock = new VirtualClock();
  const gateway = new SimulatedGateway(
    {
      way: 'ours',
      policy: 'latency',
      seed: 1,
      engines: Array.from({ length: engines }, () => small),
      ...(pages ? { pages } : {}),
    },
    clock,
  );
  const served: Served[] = [];
  const mostHeld: number[] = [];
  const look = () => {
    for (const [index, { inFlight }] of gateway.router.pool.endpoints.entries()) {
      mostHeld[index] = Math.max(mostHeld[index] ?? 0, inFlight);
    }
  };
  const send = (outputTokens: number, stream = true) => {
    const work = { promptTokens: 200, outputTokens, textBytes: 800, blockHashes: [], promptBlocks: new Uint32Array() };
    gateway.send({
      work,
      priority: 0,
      stream,
      onServed: (answer) => void served.push(answer),
      onRefused: ({ code }) => expect.unreachable(code),
    });
    look();
  };
  gateway.router.subscribe({ ended: look });
  const runFor = (ms: number) => {
    const endsAtMs = clock.nowMs() + ms;
    clock.at(endsAtMs, () => {});
    clock.runUntil(() => {
      look();
      return clock.nowMs() >= endsAtMs;
    });
  };
  const runAll = (count: number) => {
    clock.runUntil(() => {
      look();
      return served.length === count;
    });
    return served.map(({ ttftMs }) => ttftMs).toSorted((a, b) => a - b);
  };
  return { clock, gateway, served, mostHeld, send, runFor, runAll };
}

test.each([true, false])(
  'a cold flood puts at most eight beyond its places into any engine (streamed: %s)',
  (stream) => {
    const { clock, mostHeld, send, runAll } = trial(8);
    for (let request = 0; request < 3000; request += 1) clock.at(request, () => send(100, stream));
    runAll(3000);
    expect(Math.max(...mostHeld)).toBeLessThanOrEqual(places + 8);
  },
);

/** Two engines that are full, with many waiting, and a third that comes. */
function thirdEngine(spec: Pick<GatewaySpec, 'pages'> = {}) {
  const world = trial(2, spec);
  const { gateway, mostHeld, send, runFor, runAll } = world;
  for (let request = 0; request < 32; request += 1) send(300);
  runFor(3000);
  for (let request = 0; request < 470; request += 1) send(300);
  gateway.add([small]);
  runFor(500);
  const waitingHere = [...gateway.router.queued].length;
  const ttftsMs = runAll(502);
  return { mostHeld, waitingHere, worstMs: ttftsMs.at(-1)! };
}

/** How long the last of the waiting ones waits where three engines share them evenly from the beginning. */
function dueMs(): number {
  const { clock, send, runAll } = trial(1);
  send(300);
  const aloneMs = runAll(1)[0]! && clock.nowMs();
  return aloneMs * Math.ceil(502 / (3 * places));
}

const odd = { running: 0, waiting: 0, kvCacheUtilization: 0 };

test.each<[string, NonNullable<GatewaySpec['pages']> | undefined]>([
  ['with pages', undefined],
  ['whose page hangs', (page, engine) => (engine === 2 ? undefined : page)],
  [
    'beside two whose pages hang from then on',
    (page, engine, nowMs) => (engine < 2 && nowMs > 3000 ? undefined : page),
  ],
  ['beside one with an odd page', (page, engine, nowMs) => (engine === 0 && nowMs > 3000 && nowMs < 3500 ? odd : page)],
])('an engine that comes to two full ones never holds more than 24: %s', (_, pages) => {
  const { mostHeld, waitingHere, worstMs } = thirdEngine(pages ? { pages } : {});
  expect(Math.max(...mostHeld)).toBeLessThanOrEqual(places + 8);
  expect(waitingHere).toBeGreaterThanOrEqual(470 - 3 * (places + 8));
  expect(worstMs).toBeLessThan(1.5 * dueMs());
});
