import { expect, test } from 'vitest';
import type { Candidate } from '../../../../gateway/choose/candidate.ts';
import { latency } from '../../../../gateway/choose/policies/latency.ts';
import { pickHighest } from '../../../../gateway/choose/policies/policy.ts';
import { candidateWith } from '../../../support/candidates.ts';
import { type RequestWish, routingRequestOf } from '../../../support/routing-requests.ts';

const none: RequestWish = {};
const busy = { decodes: 100 };

const rows: [string, Candidate[], RequestWish, number][] = [
  ['the sooner first token', [candidateWith({}, { ttftMs: 80 }), candidateWith({}, { ttftMs: 30 })], none, 1],
  ['the faster tokens', [candidateWith({}, { tpotMs: 30 }), candidateWith({}, { tpotMs: 10 })], none, 1],
  [
    'a first token a little later, where none is slowed down near its promise',
    [candidateWith(busy, { ttftMs: 40, tpotMs: 42 }), candidateWith(busy, { ttftMs: 140, tpotMs: 20 })],
    none,
    1,
  ],
  [
    'a prompt joins another, where many generate close to their promise',
    [
      candidateWith({ decodes: 200 }, { ttftMs: 60, tpotMs: 35, joinMs: 10 }),
      candidateWith({ decodes: 200 }, { ttftMs: 80, tpotMs: 35, joinMs: 0 }),
    ],
    none,
    1,
  ],
  [
    'a prompt goes where none is computed, where no request is close to its promise',
    [candidateWith({}, { ttftMs: 60, joinMs: 10 }), candidateWith({}, { ttftMs: 80, joinMs: 0 })],
    none,
    0,
  ],
  [
    'only where nine of ten keep the SLO, whatever the mean',
    [candidateWith({}, { ttftMs: 90, ttftHighMs: 210 }), candidateWith({}, { ttftMs: 150, ttftHighMs: 190 })],
    { ttftSloMs: 200 },
    1,
  ],
  [
    'the nearest to the SLO, where none should keep it',
    [candidateWith({}, { ttftMs: 900, ttftHighMs: 990 }), candidateWith({}, { ttftMs: 500, ttftHighMs: 600 })],
    { ttftSloMs: 200 },
    1,
  ],
  [
    'what is not promised does not exclude',
    [candidateWith({}, { ttftMs: 50, tpotHighMs: 500 }), candidateWith({}, { ttftMs: 60 })],
    { ttftSloMs: 200 },
    0,
  ],
];

const scored = (candidates: readonly Candidate[], wish: RequestWish) =>
  latency.score(candidates, routingRequestOf(wish), { turn: 0, random: () => 0 });

test.each(rows)('%s', (_, candidates, promised, expected) => {
  expect(pickHighest(scored(candidates, promised).scores, () => 0)).toBe(expected);
});

const unknown = { trusted: false, ttftMs: 1 };

test.each([
  ['the shorter load', [{ load: 9 }, { load: 3 }], 1],
  ['a prefix is worth half of a load', [{ load: 5, prefixShare: 1 }, { load: 3 }], 0],
  ['and no more', [{ load: 9, prefixShare: 1 }, { load: 3 }], 1],
])('no prediction can be trusted: %s', (_, states, expected) => {
  const candidates = states.map((state) => candidateWith(state, unknown));
  const { scores, rule } = scored(candidates, none);
  expect([pickHighest(scores, () => 0), rule]).toEqual([expected, expect.stringContaining('no prediction')]);
});

test('an endpoint without samples gets its share: it counts as fast for its load as the others, and no faster', () => {
  const known = candidateWith({ load: 4 });
  const [, idle] = scored([known, candidateWith({ load: 0 }, unknown)], none).scores;
  const [better, busier] = scored([known, candidateWith({ load: 5 }, unknown)], none).scores;
  expect(idle).toBe(1);
  expect(better).toBeGreaterThan(busier!);
});

test('the rule says what decided', () => {
  const slo = { ttftSloMs: 100 };
  const [keeps, misses] = [candidateWith(), candidateWith({}, { ttftHighMs: 101 })];
  expect(scored([keeps], slo).rule).toBe('the lowest predicted cost to everyone');
  expect(scored([keeps, misses], slo).rule).toContain('of those that should keep the SLO');
  expect(scored([misses], slo).rule).toContain('none should keep the SLO');
});
