import { expect, test } from 'vitest';
import { latencyScores } from '../../../../gateway/choose/policies/latency.ts';
import { type Candidate, pickHighest, type Slo } from '../../../../gateway/choose/policies/policies.ts';
import { candidateOf } from '../../../support/candidates.ts';

const none: Slo = { ttftSloMs: undefined, tpotSloMs: undefined };
const busy = { decodes: 100 };

const rows: [string, Candidate[], Slo, number][] = [
  ['the sooner first token', [candidateOf({}, { ttftMs: 80 }), candidateOf({}, { ttftMs: 30 })], none, 1],
  ['the faster tokens', [candidateOf({}, { tpotMs: 30 }), candidateOf({}, { tpotMs: 10 })], none, 1],
  [
    'a first token a little later, where nobody is slowed down near the promise',
    [candidateOf(busy, { ttftMs: 40, tpotMs: 42 }), candidateOf(busy, { ttftMs: 140, tpotMs: 20 })],
    none,
    1,
  ],
  [
    'a prompt joins another, where many generate close to their promise',
    [
      candidateOf({ decodes: 200 }, { ttftMs: 60, tpotMs: 35, joinMs: 10 }),
      candidateOf({ decodes: 200 }, { ttftMs: 80, tpotMs: 35, joinMs: 0 }),
    ],
    none,
    1,
  ],
  [
    'a prompt goes where none is computed, where nobody is close to anything',
    [candidateOf({}, { ttftMs: 60, joinMs: 10 }), candidateOf({}, { ttftMs: 80, joinMs: 0 })],
    none,
    0,
  ],
  [
    'only where nine of ten keep the SLO, whatever the mean',
    [candidateOf({}, { ttftMs: 90, ttftHighMs: 210 }), candidateOf({}, { ttftMs: 150, ttftHighMs: 190 })],
    { ttftSloMs: 200, tpotSloMs: undefined },
    1,
  ],
  [
    'the nearest to the SLO, where none should keep it',
    [candidateOf({}, { ttftMs: 900, ttftHighMs: 990 }), candidateOf({}, { ttftMs: 500, ttftHighMs: 600 })],
    { ttftSloMs: 200, tpotSloMs: undefined },
    1,
  ],
  [
    'what is not promised does not exclude',
    [candidateOf({}, { ttftMs: 50, tpotHighMs: 500 }), candidateOf({}, { ttftMs: 60 })],
    { ttftSloMs: 200, tpotSloMs: undefined },
    0,
  ],
];

test.each(rows)('%s', (_, candidates, promised, expected) => {
  expect(pickHighest(latencyScores(candidates, promised).scores, () => 0)).toBe(expected);
});

const unknown = { trusted: false, ttftMs: 1 };

test.each([
  ['the shorter load', [{ load: 9 }, { load: 3 }], 1],
  ['a prefix is worth half of a load', [{ load: 5, prefixShare: 1 }, { load: 3 }], 0],
  ['and no more', [{ load: 9, prefixShare: 1 }, { load: 3 }], 1],
])('no prediction can be trusted: %s', (_, states, expected) => {
  const candidates = states.map((state) => candidateOf(state, unknown));
  const { scores, rule } = latencyScores(candidates, none);
  expect([pickHighest(scores, () => 0), rule]).toEqual([expected, expect.stringContaining('no prediction')]);
});

test('an endpoint without samples gets its share: it counts as fast for its load as the others, and no faster', () => {
  const known = candidateOf({ load: 4 });
  const [, idle] = latencyScores([known, candidateOf({ load: 0 }, unknown)], none).scores;
  const [better, busier] = latencyScores([known, candidateOf({ load: 5 }, unknown)], none).scores;
  expect(idle).toBe(1);
  expect(better).toBeGreaterThan(busier!);
});

test('the rule says what decided', () => {
  const slo = { ttftSloMs: 100, tpotSloMs: undefined };
  const [keeps, misses] = [candidateOf(), candidateOf({}, { ttftHighMs: 101 })];
  expect(latencyScores([keeps], slo).rule).toBe('the lowest predicted cost to everyone');
  expect(latencyScores([keeps, misses], slo).rule).toContain('of those that should keep the SLO');
  expect(latencyScores([misses], slo).rule).toContain('none should keep the SLO');
});
