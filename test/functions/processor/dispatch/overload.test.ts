import { expect, test } from 'vitest';
import { givenUpAtMs, LostDeadlines } from '../../../../functions/processor/dispatch/overload.ts';
import { mono } from '../../../support/instants.ts';

test.each([
  ['of a long window 62 s before its end', 86_400_000, false, 62_000],
  ['that would go back to Pub/Sub a minute sooner', 86_400_000, true, 122_000],
  ['of a short window with two fifths of it', 60_000, false, 24_000],
  ['of a short window that would go back as well', 60_000, true, 24_000],
])('in overload a message is given up: %s', (_, windowMs, isLastChance, expected) => {
  expect(givenUpAtMs(windowMs, isLastChance)).toBe(expected);
});

test.each([
  ['nothing was lost', 0, 0, false],
  ['one alone is chance', 1, 0, false],
  ['two of few', 2, 10, true],
  ['two of a hundred', 2, 98, false],
  ['a hundredth of many, and one', 11, 989, false],
  ['more than that', 12, 988, true],
])('overload: %s', (_, lost, called, expected) => {
  const deadlines = new LostDeadlines();
  for (let each = 0; each < lost; each += 1) deadlines.record(true, mono(0));
  for (let each = 0; each < called; each += 1) deadlines.record(false, mono(0));
  expect(deadlines.isOverload(mono(0))).toBe(expected);
});

test('what was lost fades, and a look at it changes nothing', () => {
  const deadlines = new LostDeadlines();
  for (let each = 0; each < 5; each += 1) deadlines.record(true, mono(0));
  expect(deadlines.isOverload(mono(90_000))).toBe(true);
  expect(deadlines.isOverload(mono(120_000))).toBe(false);
  expect(deadlines.isOverload(mono(90_000))).toBe(true);
});
