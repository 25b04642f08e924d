import { expect, test } from 'vitest';
import { runExperiment } from './experiment.ts';
import { sharedPrefixes } from './replicas.sim.ts';

test('gateways that do not know each other’s prompts find the same endpoints for them', async () => {
  const [one, four] = await Promise.all(
    [1, 4].map(async (replicas) => (await runExperiment(sharedPrefixes(replicas, 120, 2))).stages[0]!),
  );
  expect(four!.cached).toBeGreaterThan(0.88);
  expect(four!.ttftMean / one!.ttftMean).toBeLessThan(1.7);
});
