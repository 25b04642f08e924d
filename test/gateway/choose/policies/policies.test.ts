import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Candidate } from '../../../../gateway/choose/candidate.ts';
import { type PolicyName, policies, policyNames } from '../../../../gateway/choose/policies/policies.ts';
import { type Policy, pickHighest } from '../../../../gateway/choose/policies/policy.ts';
import { candidateWith } from '../../../support/candidates.ts';
import { routingRequestOf } from '../../../support/routing-requests.ts';

const chance = { turn: 0, random: () => 0 };

function scoresOf(name: PolicyName, candidates: readonly Candidate[], turn = 0): readonly number[] {
  const policy: Policy = policies[name];
  return policy.score(candidates, routingRequestOf(), { ...chance, turn }).scores;
}

test.each<[PolicyName, string, Partial<Candidate>[], number]>([
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
  ['gie', 'a cached prefix outweighs a queue', [{ waiting: 9, prefixShare: 1 }, { waiting: 0 }], 0],
])('%s: %s', (name, _, candidates, expected) => {
  expect(
    pickHighest(
      scoresOf(
        name,
        candidates.map((changes) => candidateWith(changes)),
      ),
      () => 0,
    ),
  ).toBe(expected);
});

test('gie: queue 2, KV cache 2 and prefix 3, each in [0, 1]', () => {
  const candidates = [
    candidateWith({ waiting: 0, kvCacheUtilization: 0.5, prefixShare: 0 }),
    candidateWith({ waiting: 4, kvCacheUtilization: 0, prefixShare: 1 }),
    candidateWith({ waiting: 1, kvCacheUtilization: 1, prefixShare: 0.5 }),
  ];
  expect(scoresOf('gie', candidates)).toEqual([3 / 7, 5 / 7, 3 / 7]);
});

test('round-robin takes turns', () => {
  const three = [candidateWith(), candidateWith(), candidateWith()];
  expect([0, 1, 2, 3].map((turn) => scoresOf('round-robin', three, turn).indexOf(1))).toEqual([0, 1, 2, 0]);
});

test('ties are broken at random, evenly', () => {
  const counts = [0, 0, 0];
  for (let draw = 0; draw < 3000; draw += 1) {
    const pick = pickHighest([1, 0.5, 1, 1].slice(0, 4), Math.random);
    if (pick !== 1) counts[pick === 0 ? 0 : pick - 1]! += 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(850);
});

test('of no candidates none is picked', () => {
  expect(pickHighest([], () => 0)).toBe(-1);
});

const milliseconds = fc.double({ min: 0, max: 1e6, noNaN: true });
const candidate = fc
  .record({
    inFlight: fc.nat(1000),
    load: fc.nat(2000),
    waiting: fc.nat(500),
    decodes: fc.nat(2000),
    kvCacheUtilization: fc.double({ min: 0, max: 1, noNaN: true }),
    prefixShare: fc.double({ min: 0, max: 1, noNaN: true }),
    trusted: fc.boolean(),
    ttftMs: milliseconds,
    tpotMs: milliseconds,
    promptMs: milliseconds,
    joinMs: milliseconds,
    wholePromptMs: milliseconds,
    memoryShare: fc.double({ min: 0, max: 1, noNaN: true }),
    waitMs: milliseconds,
  })
  .map(({ trusted, ttftMs, tpotMs, promptMs, joinMs, wholePromptMs, ...state }) =>
    candidateWith(state, {
      trusted,
      ttftMs,
      tpotMs,
      promptMs,
      joinMs,
      wholePromptMs,
      ttftHighMs: ttftMs,
      tpotHighMs: tpotMs,
    }),
  );
const slo = fc.option(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { nil: undefined });

test.each(policyNames)('%s: one score in [0, 1] for each candidate, whatever their state', (name) => {
  const anyState = fc.array(candidate, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(anyState, fc.nat(), slo, slo, (candidates, turn, ttftSloMs, tpotSloMs) => {
      const policy: Policy = policies[name];
      const request = routingRequestOf({ ttftSloMs, tpotSloMs });
      const { scores } = policy.score(candidates, request, { turn, random: () => 0.5 });
      expect(scores).toHaveLength(candidates.length);
      for (const score of scores) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }
      expect(Math.max(...scores)).toBeGreaterThan(0);
    }),
  );
});

test.each(['latency', 'gie', 'least-request'] as const)('%s: the order of candidates does not matter', (name) => {
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 20 }), (candidates) => {
      const forwards = scoresOf(name, candidates);
      const backwards = scoresOf(name, candidates.toReversed()).toReversed();
      for (const [index, score] of forwards.entries()) expect(backwards[index]).toBeCloseTo(score, 9);
    }),
  );
});
