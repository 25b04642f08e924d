import { expect, test } from 'vitest';
import { fuzzPushes } from '../support/push-fuzzer.ts';
import { report } from '../support/report.ts';

const cases = Number(process.env.FUZZ_CASES ?? 100_000);

test(`${cases} pushes of any kind`, async () => {
  const { seed, statuses, results, retries, answered, longestTurnMs } = await fuzzPushes(cases);
  report(`${cases} fuzzed pushes, seed ${seed}`, {
    204: statuses[204] ?? 0,
    400: statuses[400] ?? 0,
    results,
    retries,
    ...answered,
    'longest turn of the loop, ms': longestTurnMs,
  });
  expect(longestTurnMs).toBeLessThan(100);
  expect(Object.keys(statuses)).toEqual(['204', '400']);
  expect(results + retries).toBe(statuses[204]);
});
