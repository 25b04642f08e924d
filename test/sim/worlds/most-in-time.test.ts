import { expect, test } from 'vitest';
import { mostInTime, type TimedMessage } from './most-in-time.ts';

const messages = (count: number, atMs: number, windowSeconds: number): readonly TimedMessage[] =>
  Array.from({ length: count }, () => ({ atMs, windowSeconds }));

test.each<[string, readonly TimedMessage[], readonly number[], number]>([
  ['nothing is served', messages(3, 0, 10), [], 0],
  ['as many as there are places', messages(3, 0, 10), [1, 1], 2],
  ['as many as there are messages', messages(3, 0, 10), [9], 3],
  ['none before it has come', messages(3, 2500, 10), [2, 2, 2], 2],
  ['none whose window is over at the end of the second', messages(3, 0, 2), [1, 1, 1], 2],
  ['the earliest deadline first, whatever came first', [...messages(2, 0, 9), ...messages(1, 100, 1.5)], [1, 1, 1], 3],
  ['what is over takes no place', [...messages(5, 0, 1), ...messages(2, 0, 3)], [0, 1, 1], 2],
])('%s', (_, all, servedBySecond, most) => {
  expect(mostInTime(all, servedBySecond)).toBe(most);
});
