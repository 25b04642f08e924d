import { expect, test } from 'vitest';
import { runExperiment } from './experiment.ts';
import { idleCases, idleExperiment } from './idle.sim.ts';

/** Share of what the same callers get straight from the engines, after a cold start in as many seconds. What `npm run sim -- idle` shows is higher. */
test.each([
  ['documents, 8B', 60, 0.85],
  ['answers of 16 tokens, 8B', 60, 0.6],
  ['answers of 16 tokens, 70B', 100, 0.65],
  ['chats without usage, 8B', 60, 0.88],
  ['chats without usage, 65 ms a token', 300, 0.3],
  ['embeddings, 8B', 30, 0.9],
])('async work takes what an idle pool has: %s', async (name, seconds, share) => {
  const held = await runExperiment(idleExperiment(idleCases[name]!, seconds, false));
  const direct = await runExperiment(idleExperiment(idleCases[name]!, seconds, true));
  expect(held.async.tokensPerSecond / direct.async.tokensPerSecond).toBeGreaterThan(share);
  expect(held.async.evicted).toBe(0);
});
