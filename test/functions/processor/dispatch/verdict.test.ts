import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GateState } from '../../../../functions/processor/dispatch/gate.ts';
import { type GateInputs, judge } from '../../../../functions/processor/dispatch/verdict.ts';
import { longAgo } from '../../../../shared/runtime/clock.ts';
import { mono } from '../../../support/instants.ts';

const sight: GateInputs = {
  nowMs: mono(1000),
  notBeforeMs: longAgo,
  giveUpAtMs: mono(9000),
  gate: 'open',
  lastGate: 'open',
  nextReadingAtMs: mono(5000),
  whenUnknown: 'probe',
  shedUntilMs: longAgo,
  inFlight: 0,
  quota: { calls: 2 },
  breakers: [{ admit: 'freely' }],
};

describe('verdict', () => {
  const rows: [string, Partial<GateInputs>, object][] = [
    ['free', {}, { action: 'dispatch', reason: 'free' }],
    ['one place left', { inFlight: 1 }, { action: 'dispatch', reason: 'free' }],
    ['no place left', { inFlight: 2 }, { action: 'wait', reason: 'limit' }],
    [
      'a rest below one call',
      { quota: { calls: 0, untilMs: mono(1700) } },
      { action: 'wait', reason: 'limit', untilMs: 1700 },
    ],
    ['a retry too early', { notBeforeMs: mono(1001) }, { action: 'wait', reason: 'too-early', untilMs: 1001 }],
    ['a retry in time', { notBeforeMs: mono(1000) }, { action: 'dispatch', reason: 'free' }],
    ['saturated', { gate: 'saturated' }, { action: 'wait', reason: 'saturated', untilMs: 5000 }],
    ['asleep', { gate: 'asleep' }, { action: 'wait', reason: 'asleep', untilMs: 5000 }],
    ['the gateway shed', { shedUntilMs: mono(1001) }, { action: 'wait', reason: 'shed', untilMs: 1001 }],
    ['the gateway shed a while ago', { shedUntilMs: mono(1000) }, { action: 'dispatch', reason: 'free' }],
    ['not seen lately', { gate: undefined }, { action: 'wait', reason: 'unknown' }],
    [
      'not seen lately, and no time to wait',
      { gate: undefined, giveUpAtMs: mono(1000) },
      { action: 'dispatch', reason: 'free' },
    ],
    [
      'not seen lately, no time to wait, and full when it was seen',
      { gate: undefined, lastGate: 'saturated', giveUpAtMs: mono(1000) },
      { action: 'wait', reason: 'saturated', untilMs: 5000 },
    ],
    [
      'never seen, and no time to wait',
      { gate: undefined, lastGate: 'unknown', giveUpAtMs: mono(1000), whenUnknown: 'open', inFlight: 1 },
      { action: 'dispatch', reason: 'unknown' },
    ],
    ['unknown, probing', { gate: 'unknown' }, { action: 'dispatch', reason: 'unknown' }],
    ['unknown, one probes', { gate: 'unknown', inFlight: 1 }, { action: 'wait', reason: 'unknown', untilMs: 5000 }],
    [
      'unknown counts as open',
      { gate: 'unknown', whenUnknown: 'open', inFlight: 1 },
      { action: 'dispatch', reason: 'unknown' },
    ],
    [
      'unknown counts as closed',
      { gate: 'unknown', whenUnknown: 'closed' },
      { action: 'wait', reason: 'unknown', untilMs: 5000 },
    ],
    ['path out', { breakers: [{ admit: 'no', untilMs: mono(7) }] }, { action: 'wait', reason: 'breaker', untilMs: 7 }],
    [
      'topic out, another probes',
      { breakers: [{ admit: 'freely' }, { admit: 'no' }] },
      { action: 'wait', reason: 'breaker' },
    ],
    ['probe', { breakers: [{ admit: 'as-probe' }] }, { action: 'dispatch', reason: 'free' }],
  ];
  test.each(rows)('%s', (_, changed, expected) => {
    expect(judge({ ...sight, ...changed })).toEqual(expected);
  });

  test('never above the limit, never when closed', () => {
    const gates = fc.constantFrom<GateState | undefined>('open', 'saturated', 'asleep', 'unknown', undefined);
    fc.assert(
      fc.property(
        gates,
        fc.nat(5),
        fc.nat(5),
        fc.constantFrom('open', 'closed', 'probe'),
        (gate, inFlight, limit, whenUnknown) => {
          const { action } = judge({
            ...sight,
            gate,
            inFlight,
            quota: { calls: limit },
            whenUnknown: whenUnknown as GateInputs['whenUnknown'],
          });
          if (inFlight >= limit || gate === 'saturated' || gate === 'asleep' || gate === undefined)
            expect(action).toBe('wait');
        },
      ),
    );
  });
});
