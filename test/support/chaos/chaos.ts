import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { until } from '../poll.ts';
import { connectPubSub } from '../pubsub.ts';
import { type Part, startFunction, startSurroundings } from './chaos-parts.ts';
import { type Disturbance, disturbancesOf } from './disturbances.ts';
import { SmallDisk } from './small-disk.ts';

export interface ChaosOptions {
  readonly messages: number;
  readonly seed: number;
  /** From the start of one disturbance to that of the next, at least. */
  readonly everyMs: number;
  /** Results that are missing by then are lost. */
  readonly timeoutMs: number;
}

export interface ChaosReport {
  readonly answered: number;
  readonly succeeded: number;
  readonly lost: readonly string[];
  readonly deadLettered: number;
  /** How often each disturbance came. */
  readonly disturbances: Readonly<Record<string, number>>;
  /** Processes that ended by themselves. */
  readonly crashes: readonly string[];
  readonly answeredTwice: number;
  /** Of those: an engine answered twice, the result was published twice though it answered once, or one publish was delivered twice. */
  readonly calledTwice: number;
  readonly publishedTwice: number;
  readonly deliveredTwice: number;
  /** Medians over the second and the last third of the time, in MB. */
  readonly memory: Readonly<Record<string, readonly [second: number, last: number]>>;
  readonly seconds: number;
}

const duplicateRate = 0.02;
/** So many unanswered ones are left in peace: what is tried again after a minute shall not meet the next kill for ever. */
const leftInPeace = 256;
const publishAtOnce = 10_000;
const sayEveryMs = 60_000;
/** Of the disk with Pub/Sub's data: what it has at rest, and for each message. */
const [diskBytes, diskBytesPerMessage] = [128 * 1024 * 1024, 2048];
const watched = ['function', 'gateway', 'pubsub'] as const;

/** A backlog while every process is killed, stopped, given another time and left without disk, in turn. */
export async function workOffInChaos(options: ChaosOptions): Promise<ChaosReport> {
  const folder = mkdtempSync(join(tmpdir(), 'backfill-chaos-'));
  const disk = SmallDisk.mount(folder, diskBytes + options.messages * diskBytesPerMessage);
  if (!disk) process.stdout.write('skipped: a full disk, since none may be mounted here\n');
  try {
    return await workOff(options, folder, disk);
  } finally {
    disk?.unmount();
    rmSync(folder, { recursive: true });
  }
}

async function workOff(
  { messages, seed, everyMs, timeoutMs }: ChaosOptions,
  folder: string,
  disk: SmallDisk | undefined,
): Promise<ChaosReport> {
  const random = seededRandom(seed);
  const { pubsub, engines, gateway, monitoring } = await startSurroundings(folder, duplicateRate);
  const bus = connectPubSub(pubsub.process);
  for (const topic of ['requests', 'retries', 'results', 'dead']) await bus.createTopic(topic);
  const worker = await startFunction(bus.environment, gateway, monitoring);
  const parts = [worker, gateway, pubsub, ...engines, monitoring];

  /** Of each request, the message id of its first result; and of those with several results, all ids. */
  const firsts = new Map<string, string>();
  const again = new Map<string, Set<string>>();
  let succeeded = 0;
  let deadLettered = 0;
  await bus.collect('results', ({ id, attributes }) => {
    const name = attributes.name ?? '';
    const first = firsts.get(name);
    if (first !== undefined) {
      again.set(name, (again.get(name) ?? new Set([first])).add(id));
      return;
    }
    firsts.set(name, id);
    if (attributes.status === 'succeeded') succeeded += 1;
  });
  await bus.collect('dead', () => (deadLettered += 1));
  await bus.pushFrom('requests', 'requests-push', worker.process.url);
  await bus.pushFrom('retries', 'retries', worker.process.url);
  const names = Array.from({ length: messages }, (_, index) => `request-${index}`);
  await publish(bus.client.topic('requests', { batching: { maxMessages: 500, maxMilliseconds: 5 } }), names);

  const startedAtMs = performance.now();
  const sinceMs = (): number => performance.now() - startedAtMs;
  const memory = new MemoryWatch(parts.filter(({ name }) => watched.some((each) => each === name)));
  const turns = inTurn(disturbancesOf(parts, pubsub, disk), random);
  const disturbances: Record<string, number> = {};
  let saidAtMs = 0;
  while (firsts.size < messages - leftInPeace && sinceMs() < timeoutMs) {
    const next = turns();
    if (sinceMs() > saidAtMs + sayEveryMs) {
      saidAtMs = sinceMs();
      process.stdout.write(`${firsts.size} of ${messages} answered after ${Math.round(saidAtMs / 1000)} s\n`);
    }
    const begunAtMs = performance.now();
    disturbances[next.name] = (disturbances[next.name] ?? 0) + 1;
    await next.run(random);
    await delay(Math.max(0, everyMs - (performance.now() - begunAtMs)));
  }
  memory.stop();
  const isComplete = () => firsts.size >= messages;
  const leftMs = Math.max(10 * 60_000, timeoutMs - sinceMs());
  await until(isComplete, { what: 'a result for every message', timeoutMs: leftMs }).catch(() => {});
  const seconds = Math.round(sinceMs() / 1000);
  await bus.close();
  const crashes = parts.flatMap((part) => part.crashes);
  await Promise.all(parts.map((part) => part.kill()));

  const calls = callsOf(engines);
  const calledTwice = [...again.keys()].filter((name) => (calls.get(name) ?? 0) > 1);
  const others = [...again].filter(([name]) => (calls.get(name) ?? 0) <= 1);
  const publishedTwice = others.filter(([, ids]) => ids.size > 1);
  return {
    answered: firsts.size,
    succeeded,
    lost: names.filter((name) => !firsts.has(name)),
    deadLettered,
    disturbances,
    crashes,
    answeredTwice: again.size,
    calledTwice: calledTwice.length,
    publishedTwice: publishedTwice.length,
    deliveredTwice: others.length - publishedTwice.length,
    memory: memory.thirds(),
    seconds,
  };
}

async function publish(
  topic: { publishMessage(message: { data: Buffer; attributes: Record<string, string> }): Promise<string> },
  names: readonly string[],
): Promise<void> {
  for (let at = 0; at < names.length; at += publishAtOnce) {
    const slice = names.slice(at, at + publishAtOnce);
    await Promise.all(
      slice.map((name) =>
        topic.publishMessage({
          data: Buffer.from(JSON.stringify({ model: 'm', user: name, messages: [] })),
          attributes: { name },
        }),
      ),
    );
  }
}

/** All of them once, in an order that is drawn, and then again. */
function inTurn(all: readonly Disturbance[], random: () => number): () => Disturbance {
  let left: Disturbance[] = [];
  return () => {
    if (left.length === 0) left = [...all];
    return left.splice(Math.floor(random() * left.length), 1)[0]!;
  };
}

/** How often engines answered each request. */
function callsOf(engines: readonly Part[]): Map<string, number> {
  const calls = new Map<string, number>();
  for (const output of engines.flatMap(({ outputs }) => outputs)) {
    for (const [, name = ''] of output.matchAll(/^answered (\S+)$/gm)) calls.set(name, (calls.get(name) ?? 0) + 1);
  }
  return calls;
}

const sampleEveryMs = 2000;

/** The resident memory of some parts, time and again. */
class MemoryWatch {
  readonly #samples = new Map<string, number[]>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: readonly Part[]) {
    this.#timer = setInterval(() => {
      for (const { name, process } of parts) {
        const megabytes = residentMegabytes(process.pid);
        if (megabytes !== undefined) this.#samples.set(name, [...(this.#samples.get(name) ?? []), megabytes]);
      }
    }, sampleEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  thirds(): Record<string, readonly [second: number, last: number]> {
    const third = (samples: readonly number[], from: number): number =>
      median(samples.slice(Math.floor((samples.length * from) / 3), Math.floor((samples.length * (from + 1)) / 3)));
    return Object.fromEntries(
      [...this.#samples].map(([name, samples]) => [name, [third(samples, 1), third(samples, 2)] as const]),
    );
  }
}

/** Undefined for a process that is dead. */
function residentMegabytes(pid: number): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return found === undefined ? undefined : Math.round(Number(found) / 1024);
  } catch {
    return undefined;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
