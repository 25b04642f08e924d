import { expect, test } from 'vitest';
import { SimulatedGateway } from './pool/simulated-gateway.ts';
import { VirtualClock } from './virtual-clock.ts';
import { readTrace } from './worlds/traces.ts';
import { workloadOf } from './worlds/workload.ts';

const perSecond = 40;
const engines = 4;

/** Chats before four engines: how many requests went to each, by the second in which they were placed. */
function chats(seconds: number, prepare: (gateway: SimulatedGateway, clock: VirtualClock) => void) {
  const clock = new VirtualClock();
  const gateway = new SimulatedGateway(
    {
      way: 'ours',
      policy: 'latency',
      seed: 1,
      engines: Array.from({ length: engines }, () => ({ preset: 'h100-80g-llama3.1-8b-tp1' })),
    },
    clock,
  );
  const placed: { readonly atMs: number; readonly url: string }[] = [];
  gateway.router.subscribe({
    chosen: ({ winner }) => placed.push({ atMs: clock.nowMs(), url: winner.endpoint.url }),
  });
  prepare(gateway, clock);
  const slo = { ttftMs: 1000, tpotMs: 50 };
  for (const work of workloadOf(readTrace('conversation'), { perSecond, seconds, seed: 1 })) {
    clock.at(work.atMs, () => {
      gateway.send({ work, priority: 100, stream: true, slo, onServed: () => {}, onRefused: () => {} });
    });
  }
  clock.runUntil(() => clock.nowMs() > seconds * 1000);
  const last = gateway.urls.at(-1)!;
  /** Share in [0, 1] of what was placed in these seconds that went to the last engine. */
  return (fromSecond: number, toSecond: number): number => {
    const within = placed.filter(({ atMs }) => atMs >= fromSecond * 1000 && atMs < toSecond * 1000);
    return within.filter(({ url }) => url === last).length / within.length;
  };
}

test('a new endpoint has half its fair share within ten seconds, and never far more than that', () => {
  const share = chats(40, (gateway, clock) => {
    gateway.use(gateway.urls.slice(0, -1));
    clock.at(20_000, () => gateway.use(gateway.urls));
  });
  expect(share(0, 20)).toBe(0);
  expect(share(26, 30)).toBeGreaterThan(0.5 / engines);
  for (let second = 20; second < 40; second += 2) expect(share(second, second + 2)).toBeLessThan(0.45);
});

test('an endpoint that gets five times slower loses its traffic within five seconds; well again, it comes back', () => {
  const share = chats(80, (gateway, clock) => {
    const engine = gateway.engineOf(gateway.urls.at(-1)!);
    clock.at(20_000, () => {
      engine.slowness = 5;
    });
    clock.at(40_000, () => {
      engine.slowness = 1;
    });
  });
  expect(share(10, 20)).toBeGreaterThan(0.8 / engines);
  expect(share(25, 40)).toBeLessThan(0.1 / engines);
  expect(share(60, 80)).toBeGreaterThan(0.5 / engines);
});
