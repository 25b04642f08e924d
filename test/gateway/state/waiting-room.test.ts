import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Placement } from '../../../gateway/state/chooser.ts';
import { type Ticket, WaitingRoom } from '../../../gateway/state/waiting-room.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const placement = {} as Placement;

function setUp({ mostPerBand = 10 } = {}) {
  const log: string[] = [];
  /** Free places for each model. */
  const free = new Map<string, number>();
  const room = new WaitingRoom({
    choose: ({ model }) => {
      const left = free.get(model) ?? 0;
      if (left === 0) return undefined;
      free.set(model, left - 1);
      return placement;
    },
    mostPerBand,
    timeoutMs: { realtime: 60_000, sheddable: 1000 },
  });
  const ticket = (name: string, priority: number, model = 'm'): Ticket => ({
    priority,
    workClass: priority < 0 ? 'sheddable' : 'realtime',
    tenant: '',
    model,
    promptTokens: 1,
    stream: true,
    start: () => log.push(name),
    waitedTooLong: () => log.push(`${name} late`),
  });
  return { room, free, log, ticket };
}

test('with room a ticket goes at once; without it waits, and goes in order of priority, then of arrival', () => {
  const { room, free, log, ticket } = setUp();
  free.set('m', 1);
  expect(room.enter(ticket('first', 0))).toBe('placed');
  for (const [name, priority] of [
    ['shed', -1],
    ['a', 0],
    ['b', 0],
    ['high', 100],
  ] as const) {
    expect(room.enter(ticket(name, priority))).toBe('waiting');
  }
  free.set('m', 3);
  room.pump();
  expect(log).toEqual(['first', 'high', 'a', 'b']);
  expect([...room.tickets()].map(({ priority }) => priority)).toEqual([-1]);
});

test('nobody overtakes an equal who waits for the same model', () => {
  const { room, free, log, ticket } = setUp();
  room.enter(ticket('early', 0));
  free.set('m', 1);
  expect(room.enter(ticket('late', 0))).toBe('waiting');
  room.pump();
  expect(log).toEqual(['early']);
});

test('when the last who waited is gone, the next goes at once again', () => {
  const { room, free, log, ticket } = setUp();
  room.enter(ticket('early', 0));
  free.set('m', 2);
  room.pump();
  expect(room.enter(ticket('late', 0))).toBe('placed');
  expect(log).toEqual(['early', 'late']);
});

test('a blocked model holds up no other, a blocked band none below', () => {
  const { room, free, log, ticket } = setUp();
  room.enter(ticket('blocked', 100, 'big'));
  room.enter(ticket('low', -1, 'small'));
  free.set('small', 1);
  room.pump();
  expect(log).toEqual(['low']);
});

test('a band takes so many; other bands are not touched', () => {
  const { room, ticket } = setUp({ mostPerBand: 1 });
  expect([room.enter(ticket('a', 0)), room.enter(ticket('b', 0)), room.enter(ticket('c', -1))]).toEqual([
    'waiting',
    'full',
    'waiting',
  ]);
});

test('each class has its own longest wait', () => {
  const { room, log, ticket } = setUp();
  room.enter(ticket('shed', -1));
  room.enter(ticket('real', 0));
  vi.advanceTimersByTime(999);
  expect(log).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(log).toEqual(['shed late']);
  vi.advanceTimersByTime(59_000);
  expect(log).toEqual(['shed late', 'real late']);
  expect(vi.getTimerCount()).toBe(0);
});

test('who left is not placed and not late', () => {
  const { room, free, log, ticket } = setUp();
  const gone = ticket('gone', 0);
  room.enter(gone);
  room.leave(gone);
  room.leave(gone);
  free.set('m', 1);
  room.pump();
  vi.runAllTimers();
  expect(log).toEqual([]);
});

test('a start that brings another pump about places everyone once', () => {
  const { room, free, log, ticket } = setUp();
  for (const name of ['a', 'b', 'c']) {
    const plain = ticket(name, 0);
    room.enter({
      ...plain,
      start: () => {
        plain.start(placement);
        room.pump();
      },
    });
  }
  free.set('m', 3);
  room.pump();
  expect(log.sort()).toEqual(['a', 'b', 'c']);
});

test('any arrivals and any room: each ticket is placed, late or gone once, and no timer stays', () => {
  const step = fc.oneof(
    fc.record({
      act: fc.constant('enter' as const),
      priority: fc.constantFrom(100, 0, -1),
      model: fc.constantFrom('a', 'b'),
    }),
    fc.record({ act: fc.constant('room' as const), model: fc.constantFrom('a', 'b') }),
    fc.record({ act: fc.constant('time' as const), ms: fc.nat(1500) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { room, free, log, ticket } = setUp({ mostPerBand: 5 });
      let entered = 0;
      for (const [index, each] of steps.entries()) {
        if (each.act === 'enter' && room.enter(ticket(`${index}`, each.priority, each.model)) !== 'full') entered += 1;
        if (each.act === 'time') vi.advanceTimersByTime(each.ms);
        if (each.act === 'room') {
          free.set(each.model, (free.get(each.model) ?? 0) + 1);
          room.pump();
        }
      }
      vi.runAllTimers();
      expect(log).toHaveLength(entered);
      expect(new Set(log.map((line) => line.replace(' late', ''))).size).toBe(entered);
      expect([...room.tickets()]).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    }),
  );
});
