import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  admittance as admittanceAt,
  type Breaker,
  type BreakerHealth,
  began as beganAt,
  closed,
  ended as endedAt,
  type ProbeCandidate,
  probeTurn,
} from '../../../../functions/processor/dispatch/breaker.ts';
import { mono } from '../../../support/instants.ts';

const admittance = (breaker: Breaker, message: string, nowMs: number) => admittanceAt(breaker, message, mono(nowMs));
const began = (breaker: Breaker, message: string, tenant = 't') => beganAt(breaker, message, tenant);
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
  test.each([
    [0, 1000],
    [9000, 1000],
    [10_000, 1000],
    [20_000, 2000],
    [30_000, 3000],
    [250_000, 25_000],
    [300_000, 30_000],
    [3_600_000, 30_000],
  ])('a probe that fails %i ms after it opened is followed by another after %i ms', (sinceMs, intervalMs) => {
    const probed = ended(began(open, 'x'), 'x', 'sick', 5, sinceMs);
    expect(admittance(probed, 'y', sinceMs)).toEqual({ admit: 'no', untilMs: sinceMs + intervalMs });
    expect(admittance(probed, 'y', sinceMs + intervalMs)).toEqual({ admit: 'as-probe' });
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

describe('whose turn it is to probe', () => {
  const candidate = (message: string, tenant: string, hasFailed = false): ProbeCandidate => ({
    message,
    tenant,
    hasFailed,
  });
  const order = (state: Breaker, ...candidates: ProbeCandidate[]): string[] =>
    candidates.sort((a, b) => probeTurn(state, a)! - probeTurn(state, b)!).map(({ message }) => message);
  const probed = (state: Breaker, message: string, tenant: string): Breaker =>
    ended(began(state, message, tenant), message, 'sick', 5, 1000);

  test('a tenant that has not probed, then the one whose turn was longest ago', () => {
    const state = probed(probed(open, 'x', 'one'), 'y', 'two');
    const waiting = [candidate('p', 'two'), candidate('q', 'one'), candidate('r', 'three')];
    expect(order(state, ...waiting)).toEqual(['r', 'q', 'p']);
  });
  test('within a tenant first what has not failed, last what failed last', () => {
    const state = probed(open, 'x', 't');
    const waiting = [
      candidate('x', 't'),
      candidate('a', 't'),
      candidate('elsewhere', 't', true),
      candidate('new', 't'),
    ];
    expect(order(state, ...waiting)).toEqual(['new', 'a', 'elsewhere', 'x']);
  });
  test('while it is closed there are no turns', () => {
    expect(probeTurn(closed, candidate('x', 't', true))).toBeUndefined();
  });
  test('a flood of names is not remembered for good', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `n${index}`);
    const state = names.reduce((before, name) => probed(before, name, name), open);
    expect(state.state === 'open' && [state.failed.length, state.probed.length]).toEqual([256, 256]);
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
        expect(admittance(state, 'm0', nowMs + 30_000).admit).toBe('as-probe');
      },
    ),
  );
});
