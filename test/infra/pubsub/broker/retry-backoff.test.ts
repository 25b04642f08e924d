import { expect, test } from 'vitest';
import { retryBackoffMs } from '../../../../infra/local/pubsub/broker/retry-backoff.ts';

const policy = { minimumMs: 1000, maximumMs: 10_000 };

test.each([
  ['no policy', undefined, 7, 0],
  ['first', policy, 1, 1000],
  ['second', policy, 2, 2000],
  ['fourth', policy, 4, 8000],
  ['at the maximum', policy, 5, 10_000],
  ['far beyond it', policy, 100_000, 10_000],
  ['a minimum of zero stays zero', { minimumMs: 0, maximumMs: 10_000 }, 9, 0],
] as const)('%s', (_, given, attempt, expected) => {
  expect(retryBackoffMs(given, attempt)).toBe(expected);
});
