import { randomUUID } from 'node:crypto';
import { asyncByDefault } from '../../../shared/openai/api-routes.ts';
import { readWindow } from '../../../shared/pubsub/window.ts';
import { wallClock } from '../../../shared/runtime/clock.ts';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { writablePath } from '../../../shared/runtime/config/paths.ts';
import { custom, flag, list, text } from '../../../shared/runtime/config/variables.ts';
import { checkLines } from './check-lines.ts';
import { requestDecoder } from './decoder.ts';
import { jobName } from './job-name.ts';
import { checkedText } from './progress-text.ts';
import { submitFile } from './submit-file.ts';

const about = `Publishes each line of FILE as a request and writes each result as it comes, with the number of its line.
Every line is checked first, and nothing is sent while one is no request. Run again after an interruption, it goes on where it stopped.
It sends to the stack that npm start runs, to PUBSUB_EMULATOR_HOST where that is set, or to Google Cloud with --project.
Runs with another --out are submissions of their own, also of the same file; of two runs with the same --out the second is refused.
Ends with 0 when every request succeeded, with 1 when one failed, with 130 when it was interrupted.`;

const flagSchema = {
  out: custom(
    '--out',
    { meaning: 'file for the results, one JSON line each; by default results-FILE here; its journal stands beside it' },
    writablePath,
  ),
  project: text('--project', { meaning: 'Google Cloud project, with its usual credentials' }),
  topic: text('--topic', { default: 'requests', meaning: 'where requests go' }),
  subscription: text('--subscription', {
    meaning:
      'any subscription of the result topic: it tells which topic that is, and is not read, because each submission gets one of its own that holds its results alone; by default the result topic is named like --topic, with results for requests',
  }),
  window: custom(
    '--window',
    {
      meaning: 'time from publishing to the deadline, like 90s, 30m, 24h, 7d or 1h30m; replaces deadlines in the lines',
    },
    (raw) => {
      const window = readWindow(raw);
      return typeof window === 'number' ? { value: raw } : { fault: window.fault.replace(/^window /, '') };
    },
  ),
  dryRun: flag('--dry-run', { default: 'false', meaning: 'check every line, and send nothing' }),
  republish: flag('--republish', {
    default: 'false',
    meaning: 'send again what an earlier run sent and what has no result yet',
  }),
  allowedEndpoints: list('--allowed-endpoints', {
    default: asyncByDefault.join(','),
    meaning: "the function's ALLOWED_ENDPOINTS, by which lines are checked",
  }),
};

/** Runs `backfill submit` and resolves with the exit code: 0, or 1 when a line failed. Faults of the command line end the process with 2. */
export async function run(argv: readonly string[], usage: string): Promise<number> {
  const { flags, positional } = readCommandLine({ usage, about, positional: 'FILE', flags: flagSchema }, argv);
  const file = positional ?? '';
  const terms = { job: jobName(file, randomUUID()), window: flags.window };
  const checked = await checkLines(file, terms, requestDecoder(flags.allowedEndpoints, wallClock.unixMs()));
  if (flags.dryRun) {
    process.stdout.write(`${checkedText(checked)}\nNothing was sent.\n`);
    return 0;
  }
  return submitFile(file, checked, terms.job, flags);
}
