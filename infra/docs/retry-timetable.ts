import { functionSchema } from '../../functions/processor/config.ts';
import { retryAtMs } from '../../functions/processor/results/retry.ts';
import { never, type UnixMs } from '../../shared/runtime/clock.ts';
import { markdownTable } from './markdown-table.ts';

/** Far enough away to shorten no delay. */
const deadlineAtMs = never;
const failedAtMs = 0 as UnixMs;
const defaultMaxAttempts = Number(functionSchema.maxAttempts.default);
/** More rows than any sensible backoff needs until it grows no more. */
const mostRows = 20;

/**
 * The Markdown table of when a failed message is tried again, computed with the function's own formula: after each failed attempt the
 * shortest and the longest delay, and both summed since the first failure. It ends where the delay grows no more.
 */
export function retryTimetable(): string {
  const rows: string[][] = [];
  let total: Range = { fromSeconds: 0, toSeconds: 0 };
  for (let attempt = 1; attempt <= mostRows; attempt += 1) {
    const delay = delayAfter(attempt);
    total = { fromSeconds: total.fromSeconds + delay.fromSeconds, toSeconds: total.toSeconds + delay.toSeconds };
    const grows = delayAfter(attempt + 1).toSeconds > delay.toSeconds;
    const needed = attempt >= defaultMaxAttempts ? ', where `MAX_ATTEMPTS` is more' : '';
    rows.push([`${attempt}${grows ? '' : ' and each further one'}${needed}`, text(delay), text(total)]);
    if (!grows) break;
  }
  return markdownTable(['failed attempt', 'the next one follows after', 'since the first failure'], rows);
}

interface Range {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

function delayAfter(attemptsFailed: number): Range {
  const [fromSeconds = 0, toSeconds = 0] = [0, 1].map(
    (fraction) => retryAtMs({ attemptsFailed, retryAfterMs: 0, deadlineAtMs, nowMs: failedAtMs, fraction }) / 1000,
  );
  return { fromSeconds, toSeconds };
}

function text({ fromSeconds, toSeconds }: Range): string {
  return `${fromSeconds} to ${toSeconds} s`;
}
