import { expect, test } from 'vitest';
import { many, oneEndpoint } from '../../../support/attempts.ts';

test.each([
  ['a stream whose first byte is as soon as alone', true, 0, 9],
  ['one whose first byte is late', true, 1000, 8],
  ['a whole answer that is as soon as alone', false, 100, 9],
  ['one that is late', false, 2000, 8],
])('without pages the limit grows by answers: %s', (_, stream, tookMs, places) => {
  const { clock, limiter, run } = oneEndpoint();
  const all = many(8, () => run({ stream }));
  clock.nowMs += tookMs;
  if (stream) all[0]?.chunk();
  else all[0]?.end();
  expect(limiter.places.count, 'the first one says nothing of an eighth place').toBe(8);
  all[7]?.served(16);
  expect(limiter.places.count).toBe(places);
});

test('a stream that begins in the place of one that ended tells nothing of another place', () => {
  const { limiter, run } = oneEndpoint();
  const all = many(8, () => run());
  all[0]?.end();
  all[7]?.chunk();
  expect(limiter.places.count).toBe(8);
});

test('where there are pages they alone tell the limit', () => {
  const { limiter, run, reads } = oneEndpoint();
  reads();
  for (const each of many(8, () => run())) each.chunk();
  expect(limiter.places.count).toBe(8);
});
