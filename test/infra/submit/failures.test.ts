import { expect, test } from 'vitest';
import { Failures } from '../../../infra/cli/submit/failures.ts';

test('grouped by reason, the most common first, with the first lines of each', () => {
  const failures = new Failures();
  failures.add(9, 'rare');
  for (const line of [8, 1, 7, 2, 6, 3, 5]) failures.add(line, 'common');
  expect(failures.count).toBe(8);
  expect(failures.text()).toEqual(['7 × common (lines 1, 2, 3, 5, 6 and 2 more)', '1 × rare (line 9)']);
});

test('more reasons than are shown count together', () => {
  const failures = new Failures();
  for (let line = 1; line <= 12; line += 1) failures.add(line, `reason ${Math.max(line, 3)}`);
  expect(failures.text(1)).toEqual(['3 × reason 3 (lines 1, 2, 3)', '9 × for 9 more reasons']);
});

test('there is no failure without one', () => {
  expect(new Failures().text()).toEqual([]);
});

test('reasons without end take no memory without end', () => {
  const failures = new Failures();
  for (let line = 1; line <= 5000; line += 1) failures.add(line, `reason ${line}`);
  expect(failures.count).toBe(5000);
  expect(failures.text(2000)).toHaveLength(1001);
  expect(failures.text(1)[0]).toBe('4000 × another reason (lines 1001, 1002, 1003, 1004, 1005 and 3995 more)');
});
