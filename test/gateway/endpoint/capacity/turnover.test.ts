import { expect, test } from 'vitest';
import { keptPlaces } from '../../../../gateway/endpoint/capacity/turnover.ts';
import { many, oneEndpoint, shed } from '../../../support/attempts.ts';

test.each([
  ['none comes: none', 0, 50, 0],
  ['one in a minute', 1 / 60, 50, 0],
  ['four a second, and a place is free each 50 ms: one', 4, 50, 1],
  ['a hundred a second, each 20 ms: two come, and one or two more by chance', 100, 20, 3],
  ['an engine whose places are never free', 1, 10_000, 13],
])('%s', (_, arrivalsPerSecond, placeFreeInMs, kept) => {
  expect(keptPlaces(arrivalsPerSecond, placeFreeInMs)).toBe(kept);
});

/** An engine that was seen to run sixteen at most, with chats that come for some seconds and stay for 800 ms. */
function provenBesideChats() {
  const { clock, limiter, run, readsAQueue } = oneEndpoint();
  for (const each of many(16, () => run(shed))) each.end();
  const full = many(16, () => run(shed));
  readsAQueue(16, 2);
  clock.nowMs += 800;
  for (const each of full) each.end();
  for (let round = 0; round < 25; round += 1) {
    const chats = many(4, () => run());
    clock.nowMs += 800;
    for (const each of chats) each.end();
  }
  return { limiter, run };
}

test('sheddable work leaves a place where real-time requests come, and a real-time request takes it', () => {
  const { limiter, run } = provenBesideChats();
  const chat = run();
  let sheddable = 0;
  for (; limiter.roomInMs('sheddable') !== undefined && sheddable < 20; sheddable += 1) run(shed);
  expect(sheddable).toBe(14);
  expect(limiter.roomInMs('realtime')).not.toBeUndefined();
  run();
  expect(limiter.roomInMs('realtime')).toBeUndefined();
  chat.end();
  expect(limiter.roomInMs('realtime')).not.toBeUndefined();
});
