import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  admittance as admittanceAt,
  type Breaker,
  type BreakerHealth,
  began,
  closed,
  ended as endedAt,
} from '../../../../functions/processor/dispatch/breaker.ts';
import { mono } from '../../../support/instants.ts';

const admittance = (breaker: Breaker, message: string, nowMs: number) => admittanceAt(breaker, message, mono(nowMs));
const ended = (breaker: Breaker, message: string, health: BreakerHealth, threshold: number, nowMs: number) =>
  endedAt(breaker, message, health, threshold, mono(nowMs));
const after = (breaker: Breaker, events: [string, BreakerHealth][], nowMs = 0): Breaker =>
  events.reduce((state, [message, health]) => ended(state, message, health, 5, nowMs), breaker);
const sick = (...messages: string[]): [string, BreakerHealth][] => messages.map((message) => [message, 'sick']);
const open = after(closed, sick('a', 'b', 'c', 'd', 'e'));

describe('opens', () => {
  const rows: [string, [string, BreakerHealth][], Breaker['state']][] = [
    ['after five distinct messages in a row', sick('a', 'b', 'c', 'd', 'e'), 'open'],
    ['not after four', sick('a', 'b', 'c', 'd'), 'closed'],
    ['not for one message that fails five times', sick('a', 'a', 'a', 'a', 'a'), 'closed'],
    ['not for two that take turns', sick('a', 'b', 'a', 'b', 'a', 'b'), 'closed'],
    ['not when one went well between', [...sick('a', 'b', 'c', 'd'), ['x', 'well'], ...sick('e')], 'closed'],
    ['though one was aborted between', [...sick('a', 'b', 'c', 'd'), ['x', 'unsaid'], ...sick('e')], 'open'],
  ];
  test.each(rows)('%s', (_, events, state) => {
    expect(after(closed, events).state).toBe(state);
  });
});

describe('while open', () => {
  test('nothing is admitted before the first probe is due', () => {
    expect(admittance(open, 'x', 999)).toEqual({ admit: 'no', untilMs: 1000 });
    expect(admittance(open, 'x', 1000)).toEqual({ admit: 'as-probe' });
  });
  test('one probe at a time', () => {
    const probing = began(open, 'x');
    expect(admittance(probing, 'y', 5000)).toEqual({ admit: 'no' });
    expect(admittance(probing, 'x', 5000)).toEqual({ admit: 'as-probe' });
  });
  test('each with another message, unless none comes', () => {
    const probed = ended(began(open, 'x'), 'x', 'sick', 5, 1000);
    expect(admittance(probed, 'y', 3000)).toEqual({ admit: 'as-probe' });
    expect(admittance(probed, 'x', 3000)).toEqual({ admit: 'no', untilMs: 33_000 });
    expect(admittance(probed, 'x', 33_000)).toEqual({ admit: 'as-probe' });
  });
  test('intervals grow to half a minute', () => {
    let state = open;
    let nowMs = 0;
    const intervals = Array.from({ length: 7 }, (_, index) => {
      const message = `p${index}`;
      const verdict = admittance(state, message, nowMs);
      const dueMs = 'untilMs' in verdict && verdict.untilMs !== undefined ? verdict.untilMs : nowMs;
      const interval = dueMs - nowMs;
      nowMs = dueMs;
      state = ended(began(state, message), message, 'sick', 5, nowMs);
      return interval;
    });
    expect(intervals).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });
  test('a probe that said nothing makes room at once', () => {
    expect(admittance(ended(began(open, 'x'), 'x', 'unsaid', 5, 1500), 'y', 1500)).toEqual({ admit: 'as-probe' });
  });
  test('calls from before it opened say nothing new', () => {
    expect(ended(open, 'late', 'sick', 5, 500)).toEqual(open);
  });
  test('anything that goes well closes it', () => {
    expect(ended(open, 'late', 'well', 5, 500)).toEqual(closed);
    expect(ended(began(open, 'x'), 'x', 'well', 5, 500)).toEqual(closed);
  });
});

test('while open never two at once, and it can always be left', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(5), fc.constantFrom<BreakerHealth>('sick', 'unsaid'), fc.nat(40_000))),
      (steps) => {
        let state = open;
        let nowMs = 0;
        for (const [name, health, passedMs] of steps) {
          nowMs += passedMs;
          const message = `m${name}`;
          if (admittance(state, message, nowMs).admit !== 'as-probe') continue;
          state = began(state, message);
          expect(admittance(state, 'other', nowMs).admit).toBe('no');
          state = ended(state, message, health, 5, nowMs);
        }
        expect(admittance(state, 'm0', nowMs + 60_000).admit).toBe('as-probe');
      },
    ),
  );
});
