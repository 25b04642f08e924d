import { expect, test } from 'vitest';
import { report } from '../support/report.ts';
import { fuzzRequests } from '../support/request-fuzzer.ts';

const cases = Number(process.env.FUZZ_CASES ?? 100_000);

test(`${cases} connections with requests of any kind`, async () => {
  const { seed, statuses, forwarded, longestTurnMs } = await fuzzRequests(cases);
  report(`${cases} fuzzed connections, seed ${seed}`, {
    ...Object.fromEntries(Object.entries(statuses).map(([status, count]) => [`status ${status}`, count])),
    forwarded,
    'longest turn of the loop, ms': longestTurnMs,
  });
  expect(longestTurnMs).toBeLessThan(100);
});
