import { expect, test } from 'vitest';
import { runExperiment } from './experiment.ts';
import { idleCases, idleExperiment } from './idle.sim.ts';

/** At least nine tenths of what the same callers get straight from the engines, after a cold start, in as many seconds. */
test.each([
  ['documents, 8B', 60],
  ['documents, 70B', 100],
  ['answers of 16 tokens, 8B', 60],
  ['answers of 16 tokens, 70B', 100],
  ['chats without usage, 8B', 60],
  ['chats without usage, 65 ms a token', 300],
  ['whole answers without usage, 70B', 300],
  ['embeddings, 8B', 30],
])('async work takes what an idle pool has: %s', async (name, seconds) => {
  const held = await runExperiment(idleExperiment(idleCases[name]!, seconds, false));
  const direct = await runExperiment(idleExperiment(idleCases[name]!, seconds, true));
  expect(held.async.tokensPerSecond / direct.async.tokensPerSecond).toBeGreaterThan(0.9);
  expect(held.async.evicted).toBe(0);
});
