import { appendFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusLine } from '../../cli/terminal/status-line.ts';
import type { MessageBus } from './message-bus.ts';
import { SampleRun } from './sample/sample-run.ts';
import { type FunctionFigures, noFunctionFigures, readFunctionFigures } from './summary/function-figures.ts';
import { progressText, type Summary } from './summary/stack-texts.ts';
import { type TtftSample, type TurnTimes, ttftFigures } from './summary/ttft-figures.ts';
import { chat } from './users/chat-user.ts';

/** What the local stack shows: chat alone, beside async work, and alone again. */
export interface Experiment {
  readonly bus: MessageBus;
  readonly gatewayUrl: string;
  readonly functionUrl: string;
  readonly model: string;
  /** Requests to publish, one a line. */
  readonly lines: readonly string[];
  readonly users: number;
  /** How long chat runs without async, before and again after. */
  readonly aloneMs: number;
  /** File for the results: emptied first, then a line for each. */
  readonly out: string;
  readonly status: StatusLine;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

const drawEveryMs = 250;
const readFiguresEveryMs = 1000;
const longestQuietMs = 300_000;
const now = () => performance.now();

/** Chat alone, chat beside the whole sample, chat alone again. After five minutes without a result it waits no longer. */
export async function runExperiment(experiment: Experiment): Promise<Summary> {
  const { bus, lines, out, status, signal } = experiment;
  writeFileSync(out, '');
  const turns: TtftSample[] = [];
  let failedTurns = 0;
  let run: SampleRun | undefined;
  let figures: FunctionFigures = noFunctionFigures;
  const ended = new AbortController();
  const ending = AbortSignal.any([signal, ended.signal]);
  const asyncFigures = () => (run ?? new SampleRun(0, now)).figures;
  const besideAsync = () => run !== undefined && !run.complete;
  const beginTurn = () => {
    const beside = besideAsync();
    return (times: TurnTimes | undefined) => {
      if (times === undefined) failedTurns += 1;
      else turns.push({ ...times, besideAsync: beside });
    };
  };
  const users = Array.from({ length: experiment.users }, (_, seat) =>
    chat({ ...experiment, seat, beginTurn, signal: ending }),
  );
  const drawing = repeat(drawEveryMs, ending, () => {
    const shown = turns.filter((turn) => turn.besideAsync === besideAsync());
    status.show(progressText(asyncFigures(), figures.nacked, ttftFigures(shown)));
  });
  const reading = repeat(readFiguresEveryMs, ending, async () => {
    figures = await readFigures(experiment.functionUrl).catch(() => figures);
  });
  await pause(experiment.aloneMs, signal);
  run = new SampleRun(lines.length, now);
  const sample = run;
  bus.collectResults(({ sample: message, failed, data }) => {
    if (sample.takeResult(message, failed, data)) appendFileSync(out, `${data}\n`);
  });
  if (!signal.aborted) await bus.publishSample(lines);
  while (!sample.complete && !signal.aborted && sample.quietMs < longestQuietMs) await pause(20, signal);
  if (sample.complete) await pause(experiment.aloneMs, signal);
  ended.abort();
  await Promise.all([...users, drawing, reading]);
  status.clear();
  return {
    asynchronous: sample.figures,
    ttftAlone: ttftFigures(turns.filter((turn) => !turn.besideAsync)),
    ttftBesideAsync: ttftFigures(turns.filter((turn) => turn.besideAsync)),
    failedTurns,
    function: await readFigures(experiment.functionUrl).catch(() => figures),
    out,
  };
}

async function readFigures(functionUrl: string): Promise<FunctionFigures> {
  const response = await fetch(`${functionUrl}/metrics`, { signal: AbortSignal.timeout(2000) });
  return readFunctionFigures(await response.text());
}

async function repeat(everyMs: number, signal: AbortSignal, act: () => unknown): Promise<void> {
  while (!signal.aborted) {
    await act();
    await pause(everyMs, signal);
  }
}

/** Cut short by the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
