import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../poll.ts';
import { answering, type Script } from '../scripted-upstream.ts';
import type { TrialProcessor } from './processors.ts';
import type { TrialResult } from './trial-bus.ts';
import { startTrialWorld, type TrialWorld } from './trial-world.ts';

/** How a processor came through a trial. */
export interface TrialOutcome {
  /** Requests that should have succeeded, and how many of them did. */
  readonly wanted: number;
  readonly succeeded: number;
  /** Requests, of those that should have succeeded or not, without any result. */
  readonly lost: number;
  readonly doubled: number;
  readonly deadLettered: number;
  /** The trial's own measure of delay, in seconds; infinite where what it waits for never came. */
  readonly delaySeconds: number;
}

/** A trial: what is done to a processor, and what its delay is measured from. */
export interface Trial {
  readonly name: string;
  readonly delayOf: string;
  run(processor: TrialProcessor): Promise<TrialOutcome>;
}

const second = 1000;
const noEndpoint = answering(503, 'no healthy upstream', { 'content-type': 'text/plain' });
/** For what is still due when a trial's own time is over. */
const patienceMs = 90 * second;

/** What is asked of every processor. */
export const trials: readonly Trial[] = [
  {
    name: 'four messages and 90 s of 503 "no healthy upstream"',
    delayOf: 'first result after the 90 s',
    run: within(async (world) => {
      world.upstream.play(noEndpoint);
      await world.publish(named('low', 4), 600);
      await delay(90 * second);
      world.upstream.play(answering(200));
      return outcomeAfter(world, named('low', 4), performance.now());
    }),
  },
  {
    name: 'eight poison messages beside another tenant’s 22',
    delayOf: 'nine tenths of the other’s results',
    run: within(async (world) => {
      const [poison, healthy] = [named('poison', 8), named('healthy', 22)];
      world.upstream.play((call, ...rest) => answering(call.body.includes('poison') ? 500 : 200)(call, ...rest));
      await world.publish(poison, 200, { text: 'poison' });
      await until(() => world.upstream.calls.length >= 5, { what: 'five failures' });
      const publishedAtMs = performance.now();
      await world.publish(healthy, 200, { text: 'healthy' });
      await settled(() => succeededOf(world, healthy).length >= 20, patienceMs);
      const delaySeconds = secondsTo(succeededOf(world, healthy)[19], publishedAtMs);
      await settled(() => [...poison, ...healthy].every((id) => world.results.has(id)), 250 * second);
      return { ...(await outcomeOf(world, healthy, poison)), delaySeconds };
    }),
  },
  {
    name: 'engines gone for 30 s, three times: connections refused',
    delayOf: 'longest wait for the first result after',
    run: within((world) =>
      threeOutages(
        world,
        async () => world.upstream.refuse(),
        () => world.upstream.accept(),
      ),
    ),
  },
  {
    name: 'engines gone for 30 s, three times: 503 "no healthy upstream"',
    delayOf: 'longest wait for the first result after',
    run: within((world) =>
      threeOutages(
        world,
        async () => world.upstream.play(noEndpoint),
        async () => world.upstream.play(answering(200)),
      ),
    ),
  },
  {
    name: 'result topic missing for 15 s, 50 messages',
    delayOf: 'first result after it is there',
    run: within(async (world) => {
      const ids = named('unwritten', 50);
      await world.publish(ids, 600);
      await delay(15 * second);
      await world.createResultTopic();
      return outcomeAfter(world, ids, performance.now());
    }, false),
  },
  {
    name: 'kill -9 every 5 s for a minute, 300 messages of 2 s',
    delayOf: 'last result after the last kill',
    run: within(async (world) => {
      world.upstream.play(after(2 * second, answering(200)));
      const ids = named('killed', 300);
      for (let kill = 0; kill < 12; kill += 1) {
        await world.publish(ids.slice(kill * 25, (kill + 1) * 25), 600);
        await delay(5 * second);
        await world.processor.restart();
      }
      const killedAtMs = performance.now();
      await settled(() => ids.every((id) => world.results.has(id)), 2 * patienceMs);
      return { ...(await outcomeOf(world, ids)), delaySeconds: secondsTo(succeededOf(world, ids).at(-1), killedAtMs) };
    }),
  },
];

function within(steps: (world: TrialWorld) => Promise<TrialOutcome>, hasResultTopic = true): Trial['run'] {
  return async (processor) => {
    const world = await startTrialWorld(processor, hasResultTopic);
    try {
      return await steps(world);
    } finally {
      await world.close();
    }
  };
}

/** A message a second through three outages of 30 s with 20 s between. */
async function threeOutages(
  world: TrialWorld,
  begin: () => Promise<void>,
  end: () => Promise<void>,
): Promise<TrialOutcome> {
  const ids = named('steady', 150);
  let published = 0;
  const producer = setInterval(() => {
    const id = ids[published];
    published += 1;
    if (id !== undefined) void world.publish([id], 600);
  }, second);
  const delays: number[] = [];
  for (let outage = 0; outage < 3; outage += 1) {
    await delay(10 * second);
    await begin();
    await delay(30 * second);
    await end();
    const endedAtMs = performance.now();
    const first = () => [...world.results.values()].find(({ atMs, isSuccess }) => isSuccess && atMs >= endedAtMs);
    await settled(() => first() !== undefined, patienceMs);
    delays.push(secondsTo(first(), endedAtMs));
    await delay(10 * second);
  }
  await until(() => published >= ids.length, { what: 'the last message', timeoutMs: patienceMs });
  clearInterval(producer);
  await settled(() => ids.every((id) => world.results.has(id)), patienceMs);
  return { ...(await outcomeOf(world, ids)), delaySeconds: Math.max(...delays) };
}

async function outcomeAfter(world: TrialWorld, ids: readonly string[], sinceMs: number): Promise<TrialOutcome> {
  await settled(() => ids.every((id) => world.results.has(id)), patienceMs);
  const delaySeconds = secondsTo(succeededOf(world, ids)[0], sinceMs);
  return { ...(await outcomeOf(world, ids)), delaySeconds };
}

async function outcomeOf(
  world: TrialWorld,
  wanted: readonly string[],
  others: readonly string[] = [],
): Promise<Omit<TrialOutcome, 'delaySeconds'>> {
  return {
    wanted: wanted.length,
    succeeded: succeededOf(world, wanted).length,
    lost: [...wanted, ...others].filter((id) => !world.results.has(id)).length,
    doubled: world.doubled(),
    deadLettered: world.deadLettered(),
  };
}

function succeededOf(world: TrialWorld, ids: readonly string[]): TrialResult[] {
  return [...world.results.values()].filter(({ id, isSuccess }) => isSuccess && ids.includes(id));
}

/** Waits for it, but not for ever: a processor that fails a trial has an outcome too. */
async function settled(isDone: () => boolean, timeoutMs: number): Promise<void> {
  await until(isDone, { what: 'the outcome', timeoutMs }).catch(() => undefined);
}

function secondsTo(result: TrialResult | undefined, sinceMs: number): number {
  return result === undefined ? Number.POSITIVE_INFINITY : Math.round((result.atMs - sinceMs) / 100) / 10;
}

function named(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}

function after(ms: number, script: Script): Script {
  return (...call) => {
    setTimeout(() => script(...call), ms);
  };
}
