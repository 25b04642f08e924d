import { expect, test } from 'vitest';
import { workOffInChaos } from '../support/chaos/chaos.ts';
import { report } from '../support/report.ts';

const messages = Number(process.env.CHAOS_MESSAGES ?? 100_000);
const hour = 3_600_000;
const leastSecondsOfMemory = 300;

test(`${messages} messages while everything is killed, stopped, set and filled in turn`, {
  timeout: 3 * hour,
}, async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed}: SEED=${seed} repeats the disturbances\n`);
  const run = await workOffInChaos({ messages, seed, everyMs: 5000, timeoutMs: 2 * hour });
  report(`${messages} messages in chaos, seed ${seed}`, {
    answered: run.answered,
    lost: run.lost.length,
    'dead-lettered': run.deadLettered,
    crashes: run.crashes.length,
    disturbances: Object.entries(run.disturbances)
      .map(([name, count]) => `${name} ${count}`)
      .join(' · '),
    'answered twice': run.answeredTwice,
    'of these called twice': run.calledTwice,
    'published twice': run.publishedTwice,
    'delivered twice': run.deliveredTwice,
    ...Object.fromEntries(
      Object.entries(run.memory).map(([name, thirds]) => [`${name} MB, second and last third`, thirds.join(' → ')]),
    ),
    seconds: run.seconds,
  });
  expect(run).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0, crashes: [] });
  // A process that has just started has not yet what it will have.
  if (run.seconds < leastSecondsOfMemory) return;
  for (const [second, last] of Object.values(run.memory)) expect(last).toBeLessThan(second * 1.2);
});
