import { setTimeout as delay } from 'node:timers/promises';
import { type Experiment, leftOut, runExperiment } from '../sim/experiment.ts';
import { asyncLengths } from '../sim/worlds/async-work.ts';
import { type DeadlineStack, startDeadlineStack } from '../support/deadlines/deadline-stack.ts';
import { RecordedChats } from '../support/deadlines/recorded-chats.ts';
import { documentBody } from '../support/deadlines/stack-work.ts';

const seconds = Number(process.env.BENCH_SECONDS ?? 200);
/** Of the compass mix, an engine's share is 6 requests a second. */
const chatsPerSecond = [3, 6];
const engine = 'h100-80g-llama3.1-8b-tp1';
/** So many messages wait at any time that the pool never runs out of them. */
const waiting = 600;
/** Of one run: simulation and processes differ by no more, or the report says where. */
const near = 0.15;

interface Figures {
  readonly ttftP50Ms: number;
  readonly missed: number;
  readonly tokensPerSecond: number;
}

/** The same chats beside the same documents before one H100, as simulated and as the local stack's processes in real time. */
export async function run(): Promise<void> {
  print(`One H100, ${seconds} s of recorded chats beside a backlog of documents; each from a cold start.`);
  print(`Not simulated: ${leftOut.join('; ')}.`);
  for (const perSecond of chatsPerSecond) {
    print(`\n${row(`${perSecond} chats/s`, ['TTFT p50', 'missed', 'async tok/s'])}`);
    const simulated = await simulate(perSecond);
    print(row('simulated', cellsOf(simulated)));
    const real = await measure(perSecond);
    print(row('processes', cellsOf(real)));
    const ratios = [real.ttftP50Ms / simulated.ttftP50Ms, real.tokensPerSecond / simulated.tokensPerSecond];
    print(row('ratio', [ratios[0]!.toFixed(2), '', ratios[1]!.toFixed(2)]));
    const isNear = ratios.every((ratio) => Math.abs(ratio - 1) <= near);
    print(isNear ? `  within ${near * 100} %` : `  NOT within ${near * 100} %`);
  }
}

async function simulate(perSecond: number): Promise<Figures> {
  const experiment: Experiment = {
    world: { kind: 'traces', perSecond: { conversation: perSecond } },
    seconds,
    seed: 1,
    way: 'ours',
    policy: 'latency',
    engines: [{ preset: engine }],
    slo: { ttftMs: 1000, tpotMs: 50 },
    async: { kind: 'documents', instances: 1 },
  };
  const { realtime, async } = await runExperiment(experiment);
  return { ttftP50Ms: realtime.ttftP50, missed: realtime.missed, tokensPerSecond: async.tokensPerSecond };
}

async function measure(perSecond: number): Promise<Figures> {
  const stack = await startDeadlineStack(['--profile', engine, '--model', 'sim']);
  const longest = { promptTokens: Number.POSITIVE_INFINITY, outputTokens: Number.POSITIVE_INFINITY };
  try {
    const chats = new RecordedChats(stack.gatewayUrl, perSecond, seconds, longest);
    const tokens = await tokensOfBacklog(stack);
    const { chats: ended, missed, ttftsMs } = chats.figures();
    await chats.stop();
    const sorted = ttftsMs.toSorted((a, b) => a - b);
    return {
      ttftP50Ms: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
      missed: missed / ended,
      tokensPerSecond: tokens / seconds,
    };
  } finally {
    await stack.stop();
  }
}

/** Prompt and generated tokens of the messages that have their results within the time. */
async function tokensOfBacklog(stack: DeadlineStack): Promise<number> {
  const next = asyncLengths('documents', 1);
  const tokensOf = new Map<string, number>();
  const endsAtMs = performance.now() + seconds * 1000;
  while (performance.now() < endsAtMs) {
    const missing = waiting - (tokensOf.size - stack.results.size);
    const messages = Array.from({ length: Math.max(0, missing) }, () => {
      const id = `document-${tokensOf.size}`;
      const lengths = next();
      tokensOf.set(id, lengths.promptTokens + lengths.outputTokens);
      return { id, topic: 'requests' as const, body: documentBody(lengths), attributes: {} };
    });
    await stack.publish(messages);
    await delay(200);
  }
  let tokens = 0;
  for (const [id, { status, atMs }] of stack.results) {
    if (status === 'succeeded' && atMs <= endsAtMs) tokens += tokensOf.get(id) ?? 0;
  }
  return tokens;
}

function cellsOf({ ttftP50Ms, missed, tokensPerSecond }: Figures): readonly string[] {
  return [
    `${ttftP50Ms.toFixed(0)} ms`,
    `${(missed * 100).toFixed(2)} %`,
    Math.round(tokensPerSecond).toLocaleString('en'),
  ];
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(16), ...cells.map((cell) => cell.padStart(14))].join('');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
