import { setTimeout as delay } from 'node:timers/promises';
import { changeRules, withRule } from '../../infra/cli/control/change-rules.ts';
import { wallClock } from '../../shared/runtime/clock.ts';
import { asyncLengths } from '../sim/worlds/async-work.ts';
import { deadlineWork } from '../sim/worlds/deadline-work.ts';
import { type DeadlineStack, startDeadlineStack } from '../support/deadlines/deadline-stack.ts';
import { forecastErrors } from '../support/deadlines/forecast-errors.ts';
import { type ChatFigures, RecordedChats } from '../support/deadlines/recorded-chats.ts';
import { documentBody, untilResults } from '../support/deadlines/stack-work.ts';

const drained = Number(process.env.BENCH_MESSAGES ?? 2000);
const seconds = Number(process.env.BENCH_SECONDS ?? 40);
const chatsPerSecond = 2;
const classes = [
  { windowSeconds: 10, share: 0.1 },
  { windowSeconds: 25, share: 0.3 },
  { windowSeconds: 60, share: 0.6 },
];
const burstSeconds = 2;
/** Of the pace of the drain. */
const hastyShare = 0.5;
const patientMessages = 1500;
const longestRunSeconds = 30 * 60;

/**
 * The local stack's processes before one simulated H100, beside recorded chats: how far a forecast is off while a backlog drains, how many
 * messages with short windows are in time beside patient ones, told their windows and untold, and how soon cancelled work stops.
 */
export async function run(): Promise<void> {
  const stack = await startDeadlineStack();
  const chats = new RecordedChats(stack.gatewayUrl, chatsPerSecond, longestRunSeconds);
  try {
    print(`One simulated H100, ${chatsPerSecond} recorded chats a second; ${drained} documents wait:`);
    const { perSecond, errors } = await forecastErrors(stack, drained);
    print(`  done at ${perSecond.toFixed(1)} a second; chats missed: ${missedText(chats.figures())}`);
    for (const { share, saidSeconds, tookSeconds, error } of errors) {
      const times = `${saidSeconds.toFixed(0)} s more forecast, ${tookSeconds.toFixed(0)} s taken`;
      print(`  at ${percent(share)} of the drain: ${times}, the end is ${percent(error)} off`);
    }
    print(
      `\n${patientMessages} patient documents wait, and for ${seconds} s others come in bursts at half of that pace:`,
    );
    const windows = classes.map(({ windowSeconds, share }) => `${windowSeconds} s (${Math.round(share * 100)} %)`);
    print(row('', ['in time', ...windows, 'escalated', 'chats missed']));
    for (const hasWindows of [true, false]) {
      const patient = await publishPatient(stack, `patient-${hasWindows}`);
      const cells = await race(stack, perSecond * hastyShare, hasWindows);
      print(row(hasWindows ? 'with windows' : 'without windows', [...cells, missedText(chats.figures())]));
      const cancelled = await cancel(stack, `patient-${hasWindows}`, patient);
      if (cancelled.messages === 0) continue;
      const last = `the last has its result after ${cancelled.seconds.toFixed(1)} s`;
      print(`  ${cancelled.messages} patient ones are cancelled: ${last}`);
    }
  } finally {
    await chats.stop();
    await stack.stop();
  }
}

async function publishPatient(stack: DeadlineStack, job: string): Promise<readonly string[]> {
  const next = asyncLengths('documents', 2);
  const ids = Array.from({ length: patientMessages }, (_, index) => `${job}-${index}`);
  const attributes = { job, window: '1h' };
  await stack.publish(ids.map((id) => ({ id, topic: 'requests', body: documentBody(next()), attributes })));
  return ids;
}

/** In time are those whose success comes before their window is over, whether the window was told or not. */
async function race(stack: DeadlineStack, perSecond: number, hasWindows: boolean): Promise<string[]> {
  const work = deadlineWork({ kind: 'documents', perSecond, seconds, classes, seed: 1, burstSeconds });
  const escalatedBefore = await stack.counted('async_escalated_requests_total');
  const sinceMs = performance.now();
  const published = new Map<string, { readonly windowSeconds: number; readonly atMs: number }>();
  for (const [atMs, burst] of Map.groupBy(work, (message) => message.atMs)) {
    await delay(Math.max(0, sinceMs + atMs - performance.now()));
    const messages = burst.map(({ lengths, windowSeconds, job }) => {
      const id = `hasty-${hasWindows}-${published.size}`;
      published.set(id, { windowSeconds, atMs: performance.now() });
      const attributes: Record<string, string> = hasWindows ? { window: `${windowSeconds}s`, job } : { job };
      return {
        id,
        topic: hasWindows ? ('urgent' as const) : ('requests' as const),
        body: documentBody(lengths),
        attributes,
      };
    });
    await stack.publish(messages);
  }
  await untilResults(stack, [...published.keys()]);
  const isInTime = ([id, { windowSeconds, atMs }]: [
    string,
    { readonly windowSeconds: number; readonly atMs: number },
  ]) => {
    const result = stack.results.get(id)!;
    return result.status === 'succeeded' && result.atMs - atMs <= windowSeconds * 1000;
  };
  const inTime = (of: [string, { readonly windowSeconds: number; readonly atMs: number }][]) =>
    percent(of.filter(isInTime).length / of.length);
  const all = [...published];
  const escalated = (await stack.counted('async_escalated_requests_total')) - escalatedBefore;
  return [
    inTime(all),
    ...classes.map(({ windowSeconds }) => inTime(all.filter(([, each]) => each.windowSeconds === windowSeconds))),
    percent(escalated / all.length),
  ];
}

/** Seconds from the control document's change to the last result of those that had none, of one job. */
async function cancel(stack: DeadlineStack, job: string, ids: readonly string[]) {
  const left = ids.filter((id) => !stack.results.has(id));
  const sinceMs = performance.now();
  await changeRules(
    stack.store,
    (rules) => withRule(rules, { action: 'cancel', fields: { job }, untilMs: undefined }),
    wallClock.unixMs(),
  );
  await untilResults(stack, left);
  const lastMs = Math.max(sinceMs, ...left.map((id) => stack.results.get(id)!.atMs));
  return { messages: left.length, seconds: (lastMs - sinceMs) / 1000 };
}

function missedText({ chats, missed }: ChatFigures): string {
  return `${missed} of ${chats}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(24), ...cells.map((cell) => cell.padStart(13))].join('');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
