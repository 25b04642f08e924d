import { describe, expect, test } from 'vitest';
import { nextUnloaded, nothingUnloaded, targetsOf } from '../../../../functions/processor/dispatch/promise.ts';

describe('an unloaded time', () => {
  const rows: [string, number | undefined, number, boolean, number | undefined][] = [
    ['is the first one of an idle pool', undefined, 80, true, 80],
    ['is unknown of a pool that may be loaded', undefined, 80, false, undefined],
    ['follows a quicker one at once', 80, 20, false, 20],
    ['follows a slower one by an eighth', 80, 160, true, 90],
    ['does not follow what load may have made slow', 80, 160, false, 80],
  ];
  test.each(rows)('%s', (_, before, tookMs, isIdle, expected) => {
    expect(nextUnloaded(before, tookMs, isIdle)).toBe(expected);
  });
});

describe('a target', () => {
  test('is what is promised', () => {
    expect(targetsOf(nothingUnloaded)).toEqual({ ttftMs: 1000, tpotMs: 50 });
    expect(targetsOf({ ttftMs: 600, tpotMs: 30 })).toEqual({ ttftMs: 1000, tpotMs: 50 });
  });
  test('that an idle pool cannot keep is half as much again as it takes', () => {
    expect(targetsOf({ ttftMs: 2000, tpotMs: 65 })).toEqual({ ttftMs: 3000, tpotMs: 97.5 });
  });
});
