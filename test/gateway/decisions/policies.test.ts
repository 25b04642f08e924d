import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Candidate,
  type Policy,
  type PolicyName,
  pickHighest,
  policies,
  policyNames,
} from '../../../gateway/decisions/policies.ts';

const idle: Candidate = { inFlight: 0, load: 0, waiting: 0, kvCacheUtilization: 0 };
const chance = { turn: 0, random: () => 0 };
const scoresOf = (name: PolicyName): Policy => policies[name];

test.each<[PolicyName, string, Partial<Candidate>[], number]>([
  ['latency', 'others’ requests count', [{ load: 5 }, { inFlight: 3, load: 3 }], 1],
  ['least-request', 'others’ requests do not count', [{ load: 50 }, { inFlight: 3, load: 3 }], 0],
  ['gie', 'the shorter queue', [{ waiting: 4 }, { waiting: 1 }], 1],
  [
    'gie',
    'equal queues leave it to the cache',
    [
      { waiting: 2, kvCacheUtilization: 0.7 },
      { waiting: 2, kvCacheUtilization: 0.2 },
    ],
    1,
  ],
  ['gie', 'a long queue outweighs a full cache', [{ waiting: 9 }, { waiting: 0, kvCacheUtilization: 0.9 }], 1],
])('%s: %s', (name, _, candidates, expected) => {
  const scores = scoresOf(name)(
    candidates.map((candidate) => ({ ...idle, ...candidate })),
    chance,
  );
  expect(pickHighest(scores, () => 0)).toBe(expected);
});

test('gie: queue 2 and KV cache 2, each in [0, 1]', () => {
  const candidates = [
    { ...idle, waiting: 0, kvCacheUtilization: 0.5 },
    { ...idle, waiting: 4, kvCacheUtilization: 0 },
    { ...idle, waiting: 1, kvCacheUtilization: 1 },
  ];
  expect(policies.gie(candidates)).toEqual([0.75, 0.5, 0.375]);
});

test('round-robin takes turns', () => {
  const picks = [0, 1, 2, 3].map((turn) => scoresOf('round-robin')([idle, idle, idle], { ...chance, turn }).indexOf(1));
  expect(picks).toEqual([0, 1, 2, 0]);
});

test('ties are broken at random, evenly', () => {
  const counts = [0, 0, 0];
  for (let draw = 0; draw < 3000; draw += 1) {
    const pick = pickHighest([1, 0.5, 1, 1].slice(0, 4), Math.random);
    if (pick !== 1) counts[pick === 0 ? 0 : pick - 1]! += 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(850);
});

test('nobody to choose from', () => {
  expect(pickHighest([], () => 0)).toBe(-1);
});

const candidate = fc.record({
  inFlight: fc.nat(1000),
  load: fc.nat(2000),
  waiting: fc.nat(500),
  kvCacheUtilization: fc.double({ min: 0, max: 1, noNaN: true }),
});

test.each(policyNames)('%s: one score in [0, 1] for each candidate, whatever their state', (name) => {
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 20 }), fc.nat(), (candidates, turn) => {
      const scores = scoresOf(name)(candidates, { turn, random: () => 0.5 });
      expect(scores).toHaveLength(candidates.length);
      for (const score of scores) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test.each(['latency', 'gie', 'least-request'] as const)('%s: the order of candidates does not matter', (name) => {
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 20 }), (candidates) => {
      const forwards = scoresOf(name)(candidates, chance);
      const backwards = scoresOf(name)(candidates.toReversed(), chance);
      expect(backwards.toReversed()).toEqual(forwards);
    }),
  );
});
