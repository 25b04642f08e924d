import { readWindow } from '../../../shared/pubsub/window.ts';
import { wallClock } from '../../../shared/runtime/clock.ts';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { custom, flag, list, text } from '../../../shared/runtime/config/variables.ts';
import { backlogOf } from './backlog-of.ts';
import { forecast } from './forecast.ts';
import { forecastText } from './forecast-text.ts';

const about = `Says when the backlog will be done, at the pace of the last ten minutes and at that of the same hours a day ago, and how much of it will be late.
It reads Pub/Sub's own metrics: of the stack that npm start runs, or of Google Cloud with --project. They do not tell deadlines: how much will be late is
reckoned with one --window for all, as if they had come evenly and were done in that order.`;

/** What `forecast` and `why` ask about. */
export const backlogFlags = {
  project: text('--project', { meaning: 'Google Cloud project, with its usual credentials' }),
  subscriptions: list('--subscriptions', {
    default: 'requests,urgent,retries',
    meaning: 'ids of the subscriptions that push to the function, those of retries too',
  }),
};

/** `backfill forecast`. Returns the exit code. */
export async function run(argv: readonly string[], usage: string): Promise<number> {
  const flags = {
    ...backlogFlags,
    windowSeconds: custom(
      '--window',
      { default: '24h', meaning: 'completion window, like 90s, 30m, 24h, 7d' },
      (raw) => {
        const window = readWindow(raw);
        return typeof window === 'number' ? { value: window / 1000 } : { fault: window.fault.replace(/^window /, '') };
      },
    ),
    json: flag('--json', { default: 'false', meaning: 'the same as one JSON object' }),
  };
  const read = readCommandLine({ usage, about, flags }, argv).flags;
  const nowMs = wallClock.unixMs();
  const state = await backlogOf(read, nowMs);
  const told = forecast(state, read.windowSeconds);
  const { profile: _, profileStepSeconds: __, ...figures } = state;
  const json = { asOf: new Date(nowMs).toISOString(), ...figures, windowSeconds: read.windowSeconds, ...told };
  process.stdout.write(`${read.json ? JSON.stringify(json) : forecastText(state, told, read.windowSeconds)}\n`);
  return 0;
}
