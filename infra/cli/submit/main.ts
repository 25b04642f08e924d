import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { PubSub } from '@google-cloud/pubsub';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { writablePath } from '../../../shared/runtime/config/paths.ts';
import { custom, flag, text } from '../../../shared/runtime/config/variables.ts';
import { StatusLine } from '../terminal/status-line.ts';
import { requireEmulator } from './emulator.ts';
import { progressText, summaryText } from './progress-text.ts';
import { collectResults, publishRequests } from './pubsub.ts';
import { checkRequests } from './request-lines.ts';
import { ResultFile, readEarlierRun } from './result-file.ts';
import { Submission } from './submission.ts';

const { flags, positional } = readCommandLine(
  {
    usage: 'npm run submit --',
    about:
      'Publishes each line of FILE as a request and writes each result as it comes. Interrupted, it goes on when run again.\n' +
      'PUBSUB_EMULATOR_HOST names a local Pub/Sub; without it, Google Cloud and its usual credentials are used.',
    positional: 'FILE',
    flags: {
      out: custom(
        '--out',
        { meaning: 'file for the results, one JSON line each; by default results-FILE here' },
        writablePath,
      ),
      project: text('--project', { meaning: 'by default GOOGLE_CLOUD_PROJECT, else that of the credentials' }),
      topic: text('--topic', { default: 'requests', meaning: 'where requests go' }),
      subscription: text('--subscription', {
        default: 'submit-results',
        meaning: 'pull subscription of the result topic, for this submission alone',
      }),
      republish: flag('--republish', {
        default: 'false',
        meaning: 'publish again what an earlier run published and nobody answered',
      }),
    },
  },
  process.argv.slice(2),
);
const file = positional ?? '';
const out = flags.out ?? `results-${basename(file).replace(/\.jsonl?$/, '')}.jsonl`;
const emulator = process.env.PUBSUB_EMULATOR_HOST;
const projectId = flags.project ?? process.env.GOOGLE_CLOUD_PROJECT ?? (emulator ? 'local' : undefined);
const status = new StatusLine(process.stdout, () => performance.now());
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

try {
  process.exitCode = await submit();
} catch (error) {
  status.clear();
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

/** The exit code: 0 once every request has its result, 130 when stopped before. */
async function submit(): Promise<number> {
  const keys = await checkRequests(file);
  const earlier = readEarlierRun(out);
  if (emulator) {
    await requireEmulator(emulator);
    // The library would ask Google's metadata server who it is, and warn when nobody answers.
    process.env.METADATA_SERVER_DETECTION = 'none';
  }
  const submission = new Submission(earlier?.submission ?? randomUUID(), keys, earlier, flags.republish);
  const results = new ResultFile(out, submission.id, earlier);
  const client = new PubSub(projectId === undefined ? {} : { projectId });
  const exchange = { client, topic: flags.topic, subscription: flags.subscription, submission, results };
  const { answered, published } = submission.progress;
  if (earlier) status.say(`going on: ${answered} answered, ${published - answered} published before and awaited`);
  const startedAtMs = performance.now();
  const drawing = setInterval(() => status.show(progressText(submission.progress)), 200);
  try {
    const { signal } = stopping;
    await Promise.all([publishRequests(exchange, file, signal), collectResults(exchange, signal)]);
  } finally {
    stopping.abort();
    clearInterval(drawing);
    status.clear();
    results.close();
    await client.close();
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  process.stdout.write(`${summaryText(submission.progress, seconds, out)}\n`);
  if (submission.complete) return 0;
  process.stdout.write('Run the same command again to go on\n');
  return 130;
}
