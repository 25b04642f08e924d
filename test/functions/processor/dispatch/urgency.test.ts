import { describe, expect, test } from 'vitest';
import { escalated } from '../../../../functions/processor/dispatch/escalation.ts';
import { mayEscalate, neededMs } from '../../../../functions/processor/dispatch/urgency.ts';
import type { GateVerdict } from '../../../../functions/processor/dispatch/verdict.ts';

describe('what a message needs at the pace of others', () => {
  const usual = { tookMs: 30_000, inferenceMs: 5000 };
  test.each([
    ['what 95 in 100 took, a pause of 4 s and another call', { usual }, 30_000 + 4000 + 5000],
    ['after two failures the next pause is longer', { usual, attemptsFailed: 2 }, 30_000 + 16_000 + 5000],
    ['no pause is longer than a minute', { usual, attemptsFailed: 20 }, 30_000 + 60_000 + 5000],
    ['a minute more where it would go back now', { usual, isLastChance: true }, 39_000 + 60_000],
    ['assumed, where nothing is known', {}, 10_000 + 4000 + 10_000],
  ])('%s', (_, inputs, expected) => {
    expect(neededMs({ usual: undefined, attemptsFailed: 0, isLastChance: false, ...inputs })).toBe(expected);
  });
});

test.each([
  ['one may always be', 0, 0, 0, true],
  ['a second one not below the share', 1, 30, 0.05, false],
  ['a second one where it makes a twentieth', 1, 39, 0.05, true],
  ['not above the share', 2, 40, 0.05, false],
  ['all may, with a share of 1', 7, 7, 1, true],
])('escalated calls: %s', (_, escalatedCalls, inFlight, share, expected) => {
  expect(mayEscalate(escalatedCalls, inFlight, share)).toBe(expected);
});

describe('the verdict on an urgent message', () => {
  const wait = (reason: GateVerdict['reason']): GateVerdict => ({ action: 'wait', reason });
  const go: GateVerdict = { action: 'dispatch', reason: 'unknown' };
  const urgent = { leftMs: 9, neededMs: 10, mayEscalate: true };
  test.each([
    ['a closed gate', wait('saturated')],
    ['an empty pool', wait('asleep')],
    ['a refusal of others', wait('shed')],
    ['the limit', wait('limit')],
    ['an unknown load', wait('unknown')],
    ['an open gate', go],
  ])('%s does not hold it', (_, verdict) => {
    const escalation = { leftMs: 9, neededMs: 10, heldBy: verdict.reason };
    expect(escalated(verdict, urgent)).toEqual({ action: 'dispatch', reason: 'free', escalation });
  });
  test.each([
    ['a breaker holds it', wait('breaker'), urgent],
    ['a retry’s time holds it', wait('too-early'), urgent],
    ['it is urgent below what it needs, not at it', wait('saturated'), { ...urgent, leftMs: 10 }],
    ['it waits where no more may be escalated', wait('saturated'), { ...urgent, mayEscalate: false }],
    ['it goes as all others where no more may be escalated', go, { ...urgent, mayEscalate: false }],
  ])('%s', (_, verdict, urgency) => {
    expect(escalated(verdict, urgency)).toBe(verdict);
  });
});
