import { expect, test } from 'vitest';
import { fuzzPushes } from '../support/push-fuzzer.ts';
import { report } from '../support/report.ts';

test('100,000 pushes of any kind', async () => {
  const { seed, statuses, results, retries, answered } = await fuzzPushes(100_000);
  report(`100,000 fuzzed pushes, seed ${seed}`, {
    204: statuses[204] ?? 0,
    400: statuses[400] ?? 0,
    results,
    retries,
    ...answered,
  });
  expect(Object.keys(statuses)).toEqual(['204', '400']);
  expect(results + retries).toBe(statuses[204]);
});
