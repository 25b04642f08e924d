import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CapacityReading,
  type GateState,
  isUsable,
  nextGate,
} from '../../../../functions/processor/dispatch/gate.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { mono } from '../../../support/instants.ts';

const nowMs = mono(1_800_000_000_000);
const thresholds = { closeAt: 0.9, openAt: 0.75, maxAgeMs: 240_000 };
const reading = (saturation: number, more: Partial<CapacityReading> = {}): CapacityReading => ({
  source: 's',
  saturation,
  takenAtMs: nowMs,
  ...more,
});
const before: readonly GateState[] = ['open', 'saturated', 'asleep', 'unknown'];

const rows: [string, GateState, CapacityReading | undefined, GateState][] = [
  ['no reading', 'open', undefined, 'unknown'],
  ['idle', 'unknown', reading(0), 'open'],
  ['just below closing, open before', 'open', reading(0.899), 'open'],
  ['just below closing, unknown before', 'unknown', reading(0.899), 'open'],
  ['just below closing, asleep before', 'asleep', reading(0.899), 'open'],
  ['just below closing, closed before', 'saturated', reading(0.899), 'saturated'],
  ['at the closing threshold', 'open', reading(0.9), 'saturated'],
  ['beyond full', 'open', reading(3), 'saturated'],
  ['at the opening threshold, closed before', 'saturated', reading(0.75), 'saturated'],
  ['just below the opening threshold', 'saturated', reading(0.749), 'open'],
  ['no ready server, idle', 'open', reading(0, { readyServers: 0 }), 'asleep'],
  ['no ready server, full', 'saturated', reading(1, { readyServers: 0 }), 'asleep'],
  ['one ready server', 'asleep', reading(0, { readyServers: 1 }), 'open'],
  ['as old as may be', 'open', reading(0, { takenAtMs: later(nowMs, -240_000) }), 'open'],
  ['too old', 'open', reading(0, { takenAtMs: later(nowMs, -240_001) }), 'unknown'],
  ['too old, no ready server', 'open', reading(0, { takenAtMs: later(nowMs, -240_001), readyServers: 0 }), 'unknown'],
  ['NaN', 'open', reading(Number.NaN), 'unknown'],
  ['full of async work alone', 'open', reading(3, { realtimeSaturation: 0 }), 'open'],
  ['full of async work alone, closed before', 'saturated', reading(3, { realtimeSaturation: 0.749 }), 'open'],
  [
    'real-time work just below closing, closed before',
    'saturated',
    reading(1, { realtimeSaturation: 0.8 }),
    'saturated',
  ],
  ['real-time work at the closing threshold', 'open', reading(1, { realtimeSaturation: 0.9 }), 'saturated'],
  ['infinite', 'open', reading(Number.POSITIVE_INFINITY), 'saturated'],
  ['negative', 'open', reading(-0.1), 'unknown'],
];
test.each(rows)('%s', (_name, previous, now, expected) => {
  expect(nextGate(previous, now, thresholds, nowMs)).toBe(expected);
});

test('between the thresholds a gate stays as it was, however old the point is', () => {
  for (const ageMs of [0, 60_000, 240_000]) {
    const between = reading(0.8, { takenAtMs: later(nowMs, -ageMs) });
    expect(nextGate('saturated', between, thresholds, nowMs)).toBe('saturated');
    expect(nextGate('open', between, thresholds, nowMs)).toBe('open');
  }
});

test('dispatch is free only below the closing threshold, with a fresh reading', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...before),
      fc.double(),
      fc.integer({ min: 0, max: 500_000 }),
      fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      (previous, saturation, ageMs, readyServers) => {
        const now = reading(saturation, {
          takenAtMs: later(nowMs, -ageMs),
          ...(readyServers === undefined ? {} : { readyServers }),
        });
        const gate = nextGate(previous, now, thresholds, nowMs);
        expect(gate === 'unknown').toBe(!isUsable({ saturation, ageMs }, thresholds.maxAgeMs));
        if (gate === 'open') expect(saturation < thresholds.closeAt && readyServers !== 0).toBe(true);
        if (saturation >= 0 && saturation < thresholds.openAt) expect(gate).not.toBe('saturated');
      },
    ),
  );
});
