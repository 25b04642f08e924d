import { expect, test } from 'vitest';
import { QueueingDelay } from '../../../../gateway/endpoint/capacity/queueing-delay.ts';

test('a mean over some ten first tokens', () => {
  const delay = new QueueingDelay();
  expect(delay.at(5000)).toBe(0);
  delay.record(100, 5000);
  expect(delay.at(5000)).toBeCloseTo(10, 9);
  for (let time = 0; time < 50; time += 1) delay.record(100, 5000);
  expect(delay.at(5000)).toBeCloseTo(100, 0);
});

test('it fades by half in two seconds without a first token, and the next one counts on top of what is left', () => {
  const delay = new QueueingDelay();
  delay.record(1000, 0);
  expect(delay.at(2000)).toBeCloseTo(50, 9);
  expect(delay.at(4000)).toBeCloseTo(25, 9);
  delay.record(0, 2000);
  expect(delay.at(2000)).toBeCloseTo(45, 9);
});
