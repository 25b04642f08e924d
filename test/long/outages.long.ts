import { expect, test } from 'vitest';
import { type Outage, workOffAfterOutages } from '../support/outages.ts';
import { report } from '../support/report.ts';

const messages = 10_000;
/** Half an hour in the words; `OUTAGE_MINUTES=30` makes it so. */
const lastsMs = Number(process.env.OUTAGE_MINUTES ?? 3) * 60_000;
const runs: Outage['how'][] = [503, 'refused', 429];

test.concurrent.each(runs)('10,000 messages wait through minutes of %s', async (how) => {
  const run = await workOffAfterOutages(messages, [{ how, lastsMs }]);
  report(`10,000 messages and ${lastsMs / 60_000} minutes of ${how}`, {
    answered: run.answered,
    lost: run.lost.length,
    'dead-lettered': run.deadLettered,
    'calls meanwhile': run.calls.join(' '),
    attempts: Object.entries(run.attempts)
      .map(([attempts, count]) => `${attempts}: ${count}`)
      .join(' '),
    'failed attempts': Object.entries(run.failures)
      .map(([why, count]) => `${why}: ${count}`)
      .join(' '),
    'first result after seconds': run.secondsToFirst,
    'last result after seconds': run.secondsToLast,
  });
  expect(run).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0, early: 0 });
  // No refusal for want of room, and no gateway that is not there, is an attempt; an outage is that of the few that found it.
  if (how !== 503) expect(Object.keys(run.failures).filter((why) => why.includes(String(how)))).toEqual([]);
  const probes = how === 503 ? (run.calls[0] ?? 0) : 0;
  expect(messages - (run.attempts['1'] ?? 0)).toBeLessThanOrEqual(50 + probes);
});
