import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseVictim, evictionDueAtMs } from '../../../../gateway/endpoint/capacity/eviction.ts';

test('room is made after a quarter of the promised TTFT', () => {
  expect(evictionDueAtMs(5000, 1000)).toBe(5250);
});

test.each<[string, [priority: number, progressTokens: number][], number, number | undefined]>([
  ['no request runs', [], 0, undefined],
  ['one of the same priority stays', [[0, 1]], 0, undefined],
  ['one of a higher priority stays', [[100, 1]], 0, undefined],
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
  const victims = running.map(([own, tokens]) => ({ priority: own, progressTokens: () => tokens }));
  expect(chooseVictim(victims, priority, 0)).toBe(expected === undefined ? undefined : victims[expected]);
});

test('of those below, none with a lower priority or with less progress is spared', () => {
  const victim = fc
    .record({ priority: fc.integer({ min: -5, max: 5 }), tokens: fc.nat(100) })
    .map(({ priority, tokens }) => ({ priority, tokens, progressTokens: (nowMs: number) => tokens + nowMs }));
  fc.assert(
    fc.property(fc.array(victim), fc.integer({ min: -5, max: 5 }), (running, priority) => {
      const below = running.filter((each) => each.priority < priority);
      const chosen = chooseVictim(running, priority, 7);
      expect(chosen === undefined).toBe(below.length === 0);
      if (!chosen) return;
      const lowest = Math.min(...below.map((each) => each.priority));
      const least = Math.min(...below.filter((each) => each.priority === lowest).map((each) => each.tokens));
      expect(chosen).toMatchObject({ priority: lowest, tokens: least });
    }),
  );
});
