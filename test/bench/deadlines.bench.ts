import { writeControlDocument } from '../../shared/control/control-document.ts';
import { none } from '../../shared/store/store.ts';
import { deadlineWork } from '../sim/worlds/deadline-work.ts';
import { type DeadlineStack, startDeadlineStack } from '../support/deadlines/deadline-stack.ts';
import { forecastErrors } from '../support/deadlines/forecast-errors.ts';
import { type ChatFigures, RecordedChats } from '../support/deadlines/recorded-chats.ts';
import { documentBody, untilResults } from '../support/deadlines/stack-work.ts';

const drained = Number(process.env.BENCH_MESSAGES ?? 1500);
const seconds = Number(process.env.BENCH_SECONDS ?? 40);
const chatsPerSecond = 2;
/** As in the simulation, and as much shorter as a minute is than an hour. */
const classes = [
  { windowSeconds: 10, share: 0.1 },
  { windowSeconds: 25, share: 0.3 },
  { windowSeconds: 60, share: 0.6 },
];
const burstSeconds = 2;
const laneUpToSeconds = 10;
const longestRunMs = 30 * 60_000;
const cancelledMessages = 200;

/**
 * The local stack's processes before one simulated H100, beside recorded chats: how far a forecast is off while a backlog drains, how many
 * messages are in time with their windows and without, and how soon cancelled work stops.
 */
export async function run(): Promise<void> {
  const stack = await startDeadlineStack();
  const chats = new RecordedChats(stack.gatewayUrl, chatsPerSecond, longestRunMs / 1000);
  try {
    print(`One simulated H100, ${chatsPerSecond} recorded chats a second; ${drained} documents wait:`);
    const { perSecond, errors } = await forecastErrors(stack, drained);
    print(`  done at ${perSecond.toFixed(1)} a second; chats missed: ${missedText(chats.figures())}`);
    for (const { share, saidSeconds, tookSeconds, error } of errors) {
      const percent = `at ${Math.round(share * 100)} % of the drain`;
      print(
        `  ${percent}: ${saidSeconds.toFixed(0)} s more forecast, ${tookSeconds.toFixed(0)} s taken, ${(error * 100).toFixed(1)} % off`,
      );
    }
    print(`\nDocuments in bursts for ${seconds} s, windows of 10 s (10 %), 25 s (30 %), 60 s (60 %)`);
    print(
      row('', [
        'in time',
        ...classes.map(({ windowSeconds }) => `${windowSeconds} s`),
        'told early',
        'escalated',
        'chats missed',
      ]),
    );
    for (const load of [0.9, 1.3]) {
      for (const hasWindows of [true, false]) {
        const cells = await race(stack, `${load}-${hasWindows}`, perSecond * load, hasWindows);
        const name = `${Math.round(load * 100)} %, ${hasWindows ? 'ours' : 'without windows'}`;
        print(row(name, [...cells, missedText(chats.figures())]));
      }
    }
    print(
      `\nCancelled: the last of ${cancelledMessages} messages has its result ${(await cancel(stack)).toFixed(1)} s after the document's change`,
    );
  } finally {
    await chats.stop();
    await stack.stop();
  }
}

/** In time are those whose success comes before their window is over, whether the window was told or not. */
async function race(stack: DeadlineStack, name: string, perSecond: number, hasWindows: boolean): Promise<string[]> {
  const work = deadlineWork({ kind: 'documents', perSecond, seconds, classes, seed: 1, burstSeconds });
  const escalatedBefore = await stack.counted('async_escalated_requests_total');
  const sinceMs = performance.now();
  const published = new Map<string, { readonly windowSeconds: number; readonly atMs: number }>();
  for (const [atMs, burst] of Map.groupBy(work, (message) => message.atMs)) {
    await new Promise((due) => setTimeout(due, Math.max(0, sinceMs + atMs - performance.now())));
    const messages = burst.map(({ lengths, windowSeconds, job }) => {
      const id = `${name}-${published.size}`;
      published.set(id, { windowSeconds, atMs: performance.now() });
      const topic = hasWindows && windowSeconds <= laneUpToSeconds ? ('urgent' as const) : ('requests' as const);
      const attributes: Record<string, string> = hasWindows ? { window: `${windowSeconds}s`, job } : {};
      return { id, topic, body: documentBody(lengths), attributes };
    });
    await stack.publish(messages);
  }
  await untilResults(stack, [...published.keys()]);
  const told = [...published].map(([id, { windowSeconds, atMs }]) => {
    const result = stack.results.get(id)!;
    const leftSeconds = windowSeconds - (result.atMs - atMs) / 1000;
    return { windowSeconds, leftSeconds, isInTime: result.status === 'succeeded' && leftSeconds >= 0 };
  });
  const inTime = (of: typeof told) => percent(of.filter(({ isInTime }) => isInTime).length / of.length);
  const failed = told.filter(({ isInTime }) => !isInTime);
  const escalated = (await stack.counted('async_escalated_requests_total')) - escalatedBefore;
  return [
    inTime(told),
    ...classes.map(({ windowSeconds }) => inTime(told.filter((each) => each.windowSeconds === windowSeconds))),
    failed.length === 0
      ? '–'
      : percent(
          failed.filter(({ leftSeconds, windowSeconds }) => leftSeconds > windowSeconds / 10).length / failed.length,
        ),
    percent(escalated / told.length),
  ];
}

/** Seconds from the control document's change to the last result of a job that is under way. */
async function cancel(stack: DeadlineStack): Promise<number> {
  const ids = Array.from({ length: cancelledMessages }, (_, index) => `cancelled-${index}`);
  const body = documentBody({ promptTokens: 100, outputTokens: 2000 });
  await stack.publish(ids.map((id) => ({ id, topic: 'requests', body, attributes: { job: 'cancelled' } })));
  // Calls are under way, and most messages wait.
  await new Promise((over) => setTimeout(over, 3000));
  const sinceMs = performance.now();
  const rule = { action: 'cancel', fields: { job: 'cancelled' }, untilMs: undefined } as const;
  await stack.store.write('control.json', Buffer.from(writeControlDocument([rule])), none);
  await untilResults(stack, ids);
  return (Math.max(...ids.map((id) => stack.results.get(id)!.atMs)) - sinceMs) / 1000;
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
