import { expect, test } from 'vitest';
import { mostBacklogMs } from '../../../../gateway/endpoint/capacity/backlog-bound.ts';

test.each([
  ['three steps of what the promise leaves', 50, 20, 90],
  ['an idle engine', 50, 0, 150],
  ['hardly anything left', 50, 49, 3],
  ['the promise is just broken: no bound', 50, 50, Number.POSITIVE_INFINITY],
  ['broken anyway: no bound', 50, 80, Number.POSITIVE_INFINITY],
  ['nothing is known: no bound', 50, undefined, Number.POSITIVE_INFINITY],
])('%s', (_, tpotSloMs, plainStepMs, expected) => {
  expect(mostBacklogMs({ tpotSloMs, plainStepMs })).toBe(expected);
});
