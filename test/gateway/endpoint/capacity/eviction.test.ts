import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseVictim, evictionDueAtMs } from '../../../gateway/queue/eviction.ts';

test('room is made after a quarter of the promised TTFT', () => {
  expect(evictionDueAtMs(5000, 1000)).toBe(5250);
});

test.each<[string, [priority: number, progressTokens: number][], number, number | undefined]>([
  ['nobody runs', [], 0, undefined],
  ['an equal one stays', [[0, 1]], 0, undefined],
  ['a higher one stays', [[100, 1]], 0, undefined],
  [
    'the least progress',
    [
      [-1, 30],
      [-1, 2],
      [-1, 9],
    ],
    0,
    1,
  ],
  [
    'the first of equals',
    [
      [-1, 2],
      [-1, 2],
    ],
    0,
    0,
  ],
  [
    'the lowest priority before the least progress',
    [
      [-1, 0],
      [-5, 900],
    ],
    0,
    1,
  ],
  [
    'one below, beside those above',
    [
      [100, 0],
      [0, 0],
      [-1, 900],
    ],
    0,
    2,
  ],
])('%s', (_, running, priority, expected) => {
  const victims = running.map(([own, progressTokens]) => ({ priority: own, progressTokens }));
  expect(chooseVictim(victims, priority)).toBe(expected === undefined ? undefined : victims[expected]);
});

test('of those below, nobody with a lower priority or with less progress is spared', () => {
  const victim = fc.record({ priority: fc.integer({ min: -5, max: 5 }), progressTokens: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(victim), fc.integer({ min: -5, max: 5 }), (running, priority) => {
      const below = running.filter((each) => each.priority < priority);
      const chosen = chooseVictim(running, priority);
      expect(chosen === undefined).toBe(below.length === 0);
      if (!chosen) return;
      const lowest = Math.min(...below.map((each) => each.priority));
      const least = Math.min(...below.filter((each) => each.priority === lowest).map((each) => each.progressTokens));
      expect(chosen).toMatchObject({ priority: lowest, progressTokens: least });
    }),
  );
});
