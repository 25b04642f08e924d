import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Candidate } from '../../../../gateway/choose/candidate.ts';
import { latency } from '../../../../gateway/choose/policies/latency.ts';
import { pickHighest } from '../../../../gateway/choose/policies/policy.ts';
import type { RoutingRequest } from '../../../../gateway/request.ts';

interface Seen {
  readonly waitMs: number;
  readonly load: number;
  readonly prefixShare: number;
  readonly ttftMs: number;
  readonly tpotMs: number;
  readonly promptMs: number;
  readonly joinMs: number;
  readonly decodes: number;
  readonly memoryShare: number;
  readonly trusted: boolean;
}

const usual: Seen = {
  waitMs: 0,
  load: 10,
  prefixShare: 0,
  ttftMs: 50,
  tpotMs: 20,
  promptMs: 25,
  joinMs: 0,
  decodes: 10,
  memoryShare: 0.3,
  trusted: true,
};

function candidateOf(changes: Partial<Seen>): Candidate {
  const seen = { ...usual, ...changes };
  const { ttftMs, tpotMs, promptMs, joinMs, trusted, decodes, memoryShare } = seen;
  const high = { ttftHighMs: ttftMs * 1.3, tpotHighMs: tpotMs * 1.2, ttftAloneMs: ttftMs };
  const unloaded = { ttftMs: 20, tpotMs: 10 };
  const prediction = { trusted, ttftMs, tpotMs, ...high, promptMs, joinMs, wholePromptMs: 100, unloaded };
  return { ...seen, prediction, features: { decodes, memoryShare } } as unknown as Candidate;
}

function requestOf(ttftSloMs?: number, tpotSloMs?: number): RoutingRequest {
  return { ttftSloMs, tpotSloMs, missBudget: undefined } as RoutingRequest;
}

const chance = { turn: 0, random: () => 0 };

function winnerOf(candidates: readonly Partial<Seen>[], request = requestOf()): number {
  const { scores } = latency.score(candidates.map(candidateOf), request, chance);
  return pickHighest(scores, () => 0);
}

test.each([
  ['the earlier first token', [{ ttftMs: 60 }, { ttftMs: 50 }]],
  ['the shorter wait for room', [{ waitMs: 11 }, { waitMs: 10 }]],
  ['faster tokens, 1 ms of which are 20 of TTFT', [{ tpotMs: 21, ttftMs: 50 }, { ttftMs: 69 }]],
  ['where it is cached, though all its requests wait for it: 10 · 20 ms', [{}, { promptMs: 5, ttftMs: 240 }]],
  ['an engine that has memory left', [{ memoryShare: 1 }, { ttftMs: 900 }]],
  [
    'half full or less full is the same',
    [
      { memoryShare: 0.5, ttftMs: 200 },
      { memoryShare: 0.1, ttftMs: 199 },
    ],
  ],
  ['where a prompt is computed anyway', [{ joinMs: 3 }, { joinMs: 0, ttftMs: 55 }]],
  ['tokens beyond the promise cost no more', [{ tpotMs: 60, ttftMs: 51 }, { tpotMs: 90 }]],
] as const)('the second one: %s', (_, candidates) => {
  expect(winnerOf(candidates)).toBe(1);
});

test('the promised TTFT is paid where fewer than nine of ten keep the promise', () => {
  const candidates = [{ promptMs: 18, ttftMs: 100 }, { ttftMs: 70 }];
  expect(winnerOf(candidates)).toBe(0);
  expect(winnerOf(candidates, requestOf(100))).toBe(1);
});

test('it stays where its prompt is cached, though it misses its SLO there: elsewhere all would wait for the prompt', () => {
  expect(winnerOf([{ promptMs: 0, tpotMs: 55 }, { promptMs: 300 }], requestOf(1000, 50))).toBe(0);
});

test('a time per token that an idle engine cannot keep counts as 1.5 times its own, so that loads still differ', () => {
  expect(winnerOf([{ tpotMs: 14 }, { tpotMs: 11 }], requestOf(undefined, 5))).toBe(1);
});

test('while too few steps were seen, load and cached prefix decide, and the rule says so', () => {
  const candidates = [
    { load: 3, trusted: false },
    { load: 5, prefixShare: 1, trusted: false },
    { load: 4, trusted: false },
  ];
  const { scores, rule } = latency.score(candidates.map(candidateOf), requestOf(), chance);
  expect(pickHighest(scores, () => 0)).toBe(1);
  expect(rule).toContain('too few steps');
});

test('scores are in [0, 1], one of them 1, whatever was seen; their order is not that of the candidates', () => {
  const ms = fc.double({ min: 0.001, max: 1e7, noNaN: true });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const seen = fc.record({
    waitMs: ms,
    load: fc.nat(1000),
    prefixShare: share,
    ttftMs: ms,
    tpotMs: ms,
    promptMs: ms,
    joinMs: ms,
    decodes: fc.nat(1000),
    memoryShare: share,
    trusted: fc.boolean(),
  });
  const promise = fc.option(ms, { nil: undefined });
  fc.assert(
    fc.property(fc.array(seen, { minLength: 1, maxLength: 6 }), promise, promise, (all, ttftSloMs, tpotSloMs) => {
      const request = requestOf(ttftSloMs, tpotSloMs);
      const { scores } = latency.score(all.map(candidateOf), request, chance);
      for (const score of scores) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }
      expect(Math.max(...scores)).toBe(1);
      const backwards = latency.score(all.toReversed().map(candidateOf), request, chance).scores;
      expect(backwards.toReversed()).toEqual(scores);
    }),
  );
});
