import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ledger, type LedgerEntry, nothingHeld } from '../../../gateway/endpoint/in-flight.ts';
import type { Usage } from '../../../shared/openai/usage.ts';
import { entryOf } from '../../support/ledger-entries.ts';

function setUp() {
  const clock = { nowMs: 0 };
  const ledger = new Ledger(() => clock.nowMs);
  const firstTokens: number[] = [];
  const reports: Usage[] = [];
  const listener = {
    firstToken: (_: LedgerEntry, ttftMs: number) => firstTokens.push(ttftMs),
    reported: (_: LedgerEntry, usage: Usage) => reports.push(usage),
  };
  return { clock, ledger, firstTokens, reports, listener };
}

test('an entry counts in its class from its opening to its close, as prefill until its first byte', () => {
  const { ledger } = setUp();
  const entry = ledger.open(entryOf('sheddable', 12, { cachedTokens: 4 }));
  const waiting = {
    inFlight: 1,
    awaitingFirstByte: 1,
    promptTokens: 12,
    prefillTokens: 8,
    // Eight tokens attend to the four that are cached, and to half of themselves.
    prefillPairs: 64,
    decodes: 0,
    contextTokens: 0,
  };
  expect(ledger.sheddable).toEqual(waiting);
  expect(ledger.realtime).toEqual(nothingHeld);
  entry.sawFirstByte(true);
  const generating = {
    ...waiting,
    awaitingFirstByte: 0,
    prefillTokens: 0,
    prefillPairs: 0,
    decodes: 1,
    contextTokens: 12,
  };
  expect(ledger.sheddable).toEqual(generating);
  entry.sawChunk();
  expect(ledger.sheddable).toEqual({ ...generating, contextTokens: 13 });
  entry.close();
  expect(ledger.sheddable).toEqual(nothingHeld);
});

test('an answer that comes whole generates from when its first token was expected', () => {
  const { clock, ledger } = setUp();
  const entry = ledger.open(entryOf('realtime', 12, { stream: false, firstTokenExpectedAtMs: 50 }));
  clock.nowMs = 49;
  expect(ledger.realtime).toMatchObject({ awaitingFirstByte: 1, prefillTokens: 12, decodes: 0 });
  clock.nowMs = 50;
  expect(ledger.realtime).toMatchObject({ awaitingFirstByte: 1, prefillTokens: 0, decodes: 1 });
  entry.sawFirstByte(true);
  entry.close();
  expect(ledger.realtime).toEqual(nothingHeld);
});

test.each([
  { what: 'a streamed 2xx', stream: true, succeeded: true, heard: [30] },
  { what: 'a failure, however fast', stream: true, succeeded: false, heard: [] },
  { what: 'an answer that comes whole', stream: false, succeeded: true, heard: [] },
])('the first token is that of $what: $heard', ({ stream, succeeded, heard }) => {
  const { clock, ledger, listener, firstTokens } = setUp();
  const entry = ledger.open(entryOf('realtime', 1, { stream }), listener);
  clock.nowMs = 30;
  entry.sawFirstByte(succeeded);
  clock.nowMs = 60;
  entry.sawFirstByte(succeeded);
  expect(firstTokens).toEqual(heard);
});

test('what the answer reports reaches the listener, after the close too', () => {
  const { clock, ledger, listener, reports } = setUp();
  const entry = ledger.open(entryOf('realtime'), listener);
  clock.nowMs = 10;
  entry.sawFirstByte(true);
  clock.nowMs = 110;
  entry.close();
  const usage = { promptTokens: 5, completionTokens: 9, cachedTokens: 0 };
  entry.report(usage);
  expect(reports).toEqual([usage]);
  expect(entry.answeringMs).toBe(100);
});

test('the oldest prefill is computed since it came, or since the one before it was done', () => {
  const { clock, ledger } = setUp();
  expect(ledger.prefillingForMs).toBe(0);
  const first = ledger.open(entryOf('realtime'));
  clock.nowMs = 10;
  ledger.open(entryOf('realtime'));
  clock.nowMs = 30;
  expect(ledger.prefillingForMs).toBe(30);
  first.sawFirstByte(true);
  clock.nowMs = 45;
  expect(ledger.prefillingForMs).toBe(15);
});

test('any interleaving, repetitions included: counts are never below zero and return to it', () => {
  const act = fc.constantFrom('open', 'byte', 'failure', 'chunk', 'close', 'wait');
  const step = fc.record({ entry: fc.nat(9), act });
  fc.assert(
    fc.property(fc.array(step), fc.nat(100_000), fc.boolean(), (steps, promptTokens, stream) => {
      const { clock, ledger } = setUp();
      const entries = new Map<number, LedgerEntry>();
      for (const { entry, act } of steps) {
        if (act === 'open' && !entries.has(entry)) {
          const cachedTokens = Math.min(promptTokens, entry * 100);
          const workClass = entry % 2 === 0 ? 'realtime' : 'sheddable';
          const firstTokenExpectedAtMs = clock.nowMs + entry;
          entries.set(
            entry,
            ledger.open(entryOf(workClass, promptTokens, { cachedTokens, stream, firstTokenExpectedAtMs })),
          );
        }
        if (act === 'byte' || act === 'failure') entries.get(entry)?.sawFirstByte(act === 'byte');
        if (act === 'chunk') entries.get(entry)?.sawChunk();
        if (act === 'close') entries.get(entry)?.close();
        if (act === 'wait') clock.nowMs += entry;
        for (const held of [ledger.realtime, ledger.sheddable]) {
          expect(Math.min(...Object.values(held))).toBeGreaterThanOrEqual(0);
          expect(Math.max(held.awaitingFirstByte, held.decodes)).toBeLessThanOrEqual(held.inFlight);
        }
      }
      for (const entry of entries.values()) entry.close();
      expect([ledger.realtime, ledger.sheddable]).toEqual([nothingHeld, nothingHeld]);
      expect([ledger.inFlight, ledger.prefillingForMs]).toEqual([0, 0]);
    }),
  );
});
