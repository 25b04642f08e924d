import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PrefillLane } from '../../../gateway/state/prefill-lane.ts';

/** First tokens of an engine that takes `fixedMs` and `msPerToken` for each. */
function learned(fixedMs: number, msPerToken: number, prompts: readonly number[], rounds = 20): PrefillLane {
  const lane = new PrefillLane();
  for (let round = 0; round < rounds; round += 1) {
    for (const tokens of prompts) lane.learn(tokens, fixedMs + tokens * msPerToken);
  }
  return lane;
}

test('before it has learned: a mid-sized engine’s speed', () => {
  const lane = new PrefillLane();
  expect([lane.isLearned, lane.msPerToken, lane.fixedMs]).toEqual([false, 0.03, 0]);
});

test('what was sent drains at that speed', () => {
  const lane = new PrefillLane();
  lane.send(1000, 0);
  expect(lane.backlogTokens(0)).toBe(1000);
  expect(lane.backlogMs(0)).toBe(30);
  expect(lane.backlogTokens(15)).toBeCloseTo(500, 9);
  expect(lane.backlogTokens(31)).toBe(0);
  lane.send(1000, 40);
  expect(lane.backlogTokens(40)).toBe(1000);
});

test('a first token proves that all sent before it is done, and nothing after', () => {
  const lane = new PrefillLane();
  const first = lane.send(1000, 0);
  const second = lane.send(500, 0);
  lane.done(second);
  expect(lane.backlogTokens(0)).toBe(0);
  lane.done(first);
  expect(lane.backlogTokens(0)).toBe(0);
});

test.each([
  ['a usual engine', 12, 0.05],
  ['a slow one', 40, 0.4],
  ['a fast one', 3, 0.004],
])('%s is found from its first tokens', (_, fixedMs, msPerToken) => {
  const lane = learned(fixedMs, msPerToken, [100, 1000, 4000]);
  expect(lane.msPerToken).toBeCloseTo(msPerToken, 6);
  expect(lane.fixedMs).toBeCloseTo(fixedMs, 3);
});

test.each([
  ['prompts of one length', [800, 800, 800], 20],
  ['too few of them', [100, 1000, 4000], 4],
])('%s say nothing of the cost of a token', (_, prompts, rounds) => {
  const lane = learned(12, 0.05, prompts, rounds);
  expect([lane.isLearned, lane.msPerToken]).toEqual([false, 0.03]);
});

test('a slope that no engine has is held to one that could be', () => {
  expect(learned(5000, -1, [100, 1000, 4000]).msPerToken).toBe(0.001);
  expect(learned(0, 7, [100, 1000, 4000]).msPerToken).toBe(1);
});

test('an engine that changes is found again', () => {
  const lane = learned(12, 0.05, [100, 1000, 4000], 100);
  for (let round = 0; round < 300; round += 1)
    for (const tokens of [100, 1000, 4000]) lane.learn(tokens, 12 + tokens * 0.1);
  expect(lane.msPerToken).toBeCloseTo(0.1, 3);
});

test('any sends, first tokens and pauses: the backlog is never below zero, nor above what was sent, and drains', () => {
  const step = fc.oneof(
    fc.record({ act: fc.constant('send' as const), tokens: fc.nat(10_000) }),
    fc.record({ act: fc.constant('first' as const), of: fc.nat(20) }),
    fc.record({ act: fc.constant('wait' as const), ms: fc.nat(500) }),
    fc.record({ act: fc.constant('learn' as const), tokens: fc.nat(10_000), ttftMs: fc.nat(5000) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const lane = new PrefillLane();
      const marks: number[] = [];
      let nowMs = 0;
      let sent = 0;
      for (const each of steps) {
        if (each.act === 'send') {
          sent += each.tokens;
          marks.push(lane.send(each.tokens, nowMs));
        }
        if (each.act === 'first') lane.done(marks[each.of] ?? 0);
        if (each.act === 'wait') nowMs += each.ms;
        if (each.act === 'learn') lane.learn(each.tokens, each.ttftMs);
        expect(lane.backlogTokens(nowMs)).toBeGreaterThanOrEqual(0);
        expect(lane.backlogTokens(nowMs)).toBeLessThanOrEqual(sent);
        expect(Number.isFinite(lane.msPerToken) && Number.isFinite(lane.fixedMs)).toBe(true);
      }
      expect(lane.backlogTokens(nowMs + sent)).toBe(0);
    }),
  );
});
