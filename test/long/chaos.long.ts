import { expect, test } from 'vitest';
import { workOffInChaos } from '../support/chaos.ts';
import { report } from '../support/report.ts';

const messages = 4000;
const minute = 60_000;

test('ten minutes in which everything is killed again and again', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed}: SEED=${seed} repeats the kills\n`);
  const run = await workOffInChaos({
    messages,
    seed,
    lastsMs: 10 * minute,
    pauseMs: { least: 5000, most: 15_000 },
  });
  report(`ten minutes of kills, seed ${seed}`, {
    answered: run.answered,
    lost: run.lost.length,
    'dead-lettered': run.deadLettered,
    kills: Object.entries(run.kills)
      .map(([name, count]) => `${name} ${count}`)
      .join(' '),
    'answered twice': run.answeredTwice,
    'of these called twice': run.calledTwice,
    'published twice': run.publishedTwice,
    'delivered twice': run.deliveredTwice,
    'function MB, second and last third': run.memory.function?.join(' → ') ?? '',
    'Pub/Sub MB, second and last third': run.memory.pubsub?.join(' → ') ?? '',
    seconds: run.seconds,
  });
  expect(run).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0 });
  expect(run.calledTwice + run.publishedTwice + run.deliveredTwice).toBe(run.answeredTwice);
  for (const [second, last] of Object.values(run.memory)) expect(last).toBeLessThan(second * 1.2);
});
