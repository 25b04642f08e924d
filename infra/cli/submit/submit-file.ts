import { basename } from 'node:path';
import { findStack } from '../local-stack.ts';
import { findTarget } from '../pubsub-target.ts';
import { Interruption } from '../terminal/interruption.ts';
import { StatusLine } from '../terminal/status-line.ts';
import type { CheckedFile } from './check-lines.ts';
import { exchange } from './exchange.ts';
import { Pace } from './pace.ts';
import { checkedText, goingOnText, progressText, summaryText } from './progress-text.ts';
import { ResultFile } from './result-file.ts';
import { Submission } from './submission.ts';

/** The flags of `backfill submit` that concern sending. */
export interface SubmitOptions {
  /** The result file; by default named after the file. */
  readonly out: string | undefined;
  readonly project: string | undefined;
  readonly topic: string;
  readonly subscription: string | undefined;
  readonly window: string | undefined;
  readonly republish: boolean;
}

const drawEveryMs = 200;

/**
 * Sends a checked file, or goes on with it, and shows how far it is.
 * @param newJob the submission's name, if this is its first run
 * @returns the exit code: 0 when every request succeeded, 1 when one failed, 130 when it was interrupted
 * @throws {Error} for people
 */
export async function submitFile(
  file: string,
  checked: CheckedFile,
  newJob: string,
  options: SubmitOptions,
): Promise<number> {
  const { out = `results-${basename(file).replace(/\.jsonl?$/, '')}.jsonl`, topic, window } = options;
  const results = new ResultFile(out, file, checked.lines, newJob);
  const { job, earlier } = results;
  const submission = new Submission(checked.lines.keys(), earlier, options.republish);
  const wasComplete = submission.complete;
  const started = earlier
    ? goingOnText(job, submission.progress)
    : `${checkedText(checked)}\nSending them as job ${job}`;
  const status = new StatusLine(process.stdout, () => performance.now());
  const startedAtMs = performance.now();
  const pace = new Pace(startedAtMs, submission.progress.answered);
  const interruption = new Interruption(() => status.say('Stopping. Ctrl-C once more stops at once.'));
  const drawing = setInterval(() => {
    pace.record(performance.now(), submission.progress.answered);
    status.show(progressText(submission.progress, pace));
  }, drawEveryMs);
  const summarize = () => {
    const tookMs = wasComplete ? undefined : performance.now() - startedAtMs;
    status.clear();
    status.say(summaryText(submission.progress, tookMs, out));
    for (const reason of submission.failures.text()) status.say(`  ${reason}`);
    if (!submission.complete) status.say('Run the same command again to go on');
  };
  try {
    if (!wasComplete) {
      const target = findTarget(options.project, process.env, findStack());
      await exchange({
        target,
        topic,
        resultSubscription: options.subscription,
        terms: { job, window },
        file,
        lines: checked.lines,
        submission,
        results,
        ready: () => status.say(started),
        say: (line) => status.say(line),
        signal: interruption.signal,
      });
    }
  } catch (error) {
    if (submission.progress.published > 0) summarize();
    throw error;
  } finally {
    clearInterval(drawing);
    status.clear();
    results.close();
    interruption.release();
  }
  summarize();
  if (!submission.complete) return 130;
  return submission.progress.failed === 0 ? 0 : 1;
}
