import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ledger, type LedgerEntry } from '../../../gateway/state/ledger.ts';

const none = { inFlight: 0, awaitingFirstByte: 0, promptTokens: 0 };

test('an entry counts in its class from its opening to its close', () => {
  const ledger = new Ledger();
  const entry = ledger.open('sheddable', 12);
  expect(ledger.sheddable).toEqual({ inFlight: 1, awaitingFirstByte: 1, promptTokens: 12 });
  expect(ledger.realtime).toEqual(none);
  entry.sawFirstByte();
  expect(ledger.sheddable).toEqual({ inFlight: 1, awaitingFirstByte: 0, promptTokens: 12 });
  entry.close();
  expect(ledger.sheddable).toEqual(none);
});

test('any interleaving, repetitions included: counts are never below zero and return to it', () => {
  const step = fc.record({ entry: fc.nat(9), act: fc.constantFrom('open', 'byte', 'close') });
  fc.assert(
    fc.property(fc.array(step), fc.nat(100_000), (steps, promptTokens) => {
      const ledger = new Ledger();
      const entries = new Map<number, LedgerEntry>();
      for (const { entry, act } of steps) {
        if (act === 'open' && !entries.has(entry)) {
          entries.set(entry, ledger.open(entry % 2 === 0 ? 'realtime' : 'sheddable', promptTokens));
        }
        if (act === 'byte') entries.get(entry)?.sawFirstByte();
        if (act === 'close') entries.get(entry)?.close();
        for (const held of [ledger.realtime, ledger.sheddable]) {
          expect(Math.min(held.inFlight, held.awaitingFirstByte, held.promptTokens)).toBeGreaterThanOrEqual(0);
          expect(held.awaitingFirstByte).toBeLessThanOrEqual(held.inFlight);
        }
      }
      for (const entry of entries.values()) entry.close();
      expect([ledger.realtime, ledger.sheddable, ledger.inFlight]).toEqual([none, none, 0]);
    }),
  );
});
