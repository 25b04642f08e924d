import { expect, test } from 'vitest';
import { retryAfterSeconds } from '../../../gateway/queue/retry-after.ts';

test.each([
  ['no request waits and places come fast', 0, 40, 1],
  ['two seconds of others wait', 79, 40, 2],
  ['a little more than two seconds of others wait', 80, 40, 3],
  ['no request got a place in the last seconds', 0, 0, 30],
  ['more than half a minute of others wait', 10_000, 1, 30],
])('when %s (%d waiting, %d a second), another try is worth it after %d s', (_, waiting, placedPerSecond, expected) => {
  expect(retryAfterSeconds(waiting, placedPerSecond)).toBe(expected);
});
