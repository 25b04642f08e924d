import { expect, test } from 'vitest';
import { fuzzPushes } from '../support/push-fuzzer.ts';

test('a thousand pushes of any kind: each is answered as the contract says, each 204 has its result or retry', async () => {
  const { statuses, results, retries, answered } = await fuzzPushes(1000);
  expect(results + retries).toBe(statuses[204]);
  expect(Object.keys(statuses)).toEqual(['204', '400']);
  expect(answered.succeeded).toBeGreaterThan(0);
  expect(answered.INVALID_REQUEST).toBeGreaterThan(0);
  expect(retries).toBeGreaterThan(0);
});
