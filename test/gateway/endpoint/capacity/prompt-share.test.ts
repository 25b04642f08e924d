import { expect, test } from 'vitest';
import { idleShare, promptShare } from '../../../../gateway/endpoint/capacity/prompt-share.ts';

test.each([
  ['real-time work is there', 1, 0, 0.25, 0],
  ['it is there, as usual', 3, 3, 0.25, 0],
  ['it is usual, and just not there', 0, 2, 0.5, 0],
  ['it is there half of the time', 0, 0.5, 0.75, 0.5],
  ['there is none', 0, 0, 1, 1],
])('the share of an engine that sheddable prompts may take: %s', (_, load, usualLoad, share, idle) => {
  expect(promptShare({ load, usualLoad }, 0.5)).toBeCloseTo(share, 9);
  expect(idleShare({ load, usualLoad })).toBe(idle);
});
