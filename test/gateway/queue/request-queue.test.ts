import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QueueItem } from '../../../gateway/queue/request-queue.ts';
import { placement, roomBefore } from '../../support/waiting-rooms.ts';

test('where nobody may wait, who finds no room is late', () => {
  const { room, ticket } = roomBefore({ timeoutMs: { realtime: 0, sheddable: 0 } });
  expect(room.enter(ticket('first'))).toBe('late');
  expect([...room.tickets()]).toEqual([]);
});

test('with room a ticket goes at once; without it waits, and goes in order of priority, then of arrival', () => {
  const { room, free, log, ticket } = roomBefore();
  free.set('m', 1);
  expect(room.enter(ticket('first'))).toBe('placed');
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
  expect([...room.counts]).toEqual([
    [-1, 1],
    [0, 0],
    [100, 0],
  ]);
});

test.each([
  ['an equal', 0],
  ['a higher one', 100],
])('nobody overtakes %s who waits for the same model', async (_, priority) => {
  const { clock, room, free, log, ticket } = roomBefore();
  room.enter(ticket('early', priority));
  free.set('m', 1);
  room.enter(ticket('late', 0));
  expect(log).toEqual([]);
  await clock.advance(5);
  room.enter(ticket('later', 0));
  expect(log).toEqual(['early']);
});

test('a higher one overtakes', () => {
  const { room, free, log, ticket } = roomBefore();
  room.enter(ticket('early', 0));
  free.set('m', 1);
  expect(room.enter(ticket('high', 100))).toBe('placed');
  expect(log).toEqual(['high']);
});

test('when the last who waited is gone, the next goes at once again', () => {
  const { room, free, log, ticket } = roomBefore();
  room.enter(ticket('early'));
  free.set('m', 2);
  room.pump();
  expect(room.enter(ticket('late'))).toBe('placed');
  expect(log).toEqual(['early', 'late']);
});

test('a blocked model holds up no other, a blocked band none below that wants another model', () => {
  const { room, free, log, ticket } = roomBefore();
  room.enter(ticket('blocked', 100, { model: 'big' }));
  room.enter(ticket('same model', -1, { model: 'big' }));
  room.enter(ticket('low', -1, { model: 'small' }));
  free.set('small', 1);
  room.pump();
  expect(log).toEqual(['low']);
});

test('a band takes so many, and so many bytes; other bands are not touched', () => {
  const { room, ticket } = roomBefore({ mostPerBand: 1 });
  expect([room.enter(ticket('a')), room.enter(ticket('b')), room.enter(ticket('c', -1))]).toEqual([
    'waiting',
    'full',
    'waiting',
  ]);
  const large = roomBefore();
  const halfOfIt = { sizeBytes: 200 * 1024 * 1024 };
  expect(large.room.enter(large.ticket('a', 0, halfOfIt))).toBe('waiting');
  expect(large.room.enter(large.ticket('b', 0, halfOfIt))).toBe('full');
  expect(large.room.enter(large.ticket('c', 0))).toBe('waiting');
});

test('each class has its own longest wait', async () => {
  const { clock, room, log, ticket } = roomBefore();
  room.enter(ticket('shed', -1));
  room.enter(ticket('real', 0));
  await clock.advance(999);
  expect(log).toEqual([]);
  await clock.advance(1);
  expect(log).toEqual(['shed late']);
  await clock.advance(59_000);
  expect(log).toEqual(['shed late', 'real late']);
  expect(clock.pendingTimers()).toBe(0);
});

test('who left is not placed and not late', async () => {
  const { clock, room, free, log, ticket } = roomBefore();
  const gone = ticket('gone');
  room.enter(gone);
  room.leave(gone);
  room.leave(gone);
  free.set('m', 1);
  room.pump();
  await clock.advance(100_000);
  expect(log).toEqual([]);
});

test('room that comes by time alone is used when it comes', async () => {
  const due = { atMs: 40 };
  const world = roomBefore({ roomInMs: () => Math.max(0, due.atMs - world.clock.now()) || undefined });
  world.room.enter(world.ticket('a'));
  world.free.set('m', 1);
  await world.clock.advance(39);
  expect(world.log).toEqual([]);
  await world.clock.advance(1);
  expect(world.log).toEqual(['a']);
  expect(world.clock.pendingTimers()).toBe(0);
});

test('room that is made is given to the one it was made for', () => {
  const world = roomBefore({
    makeRoom: () => {
      const made = !world.free.has('m');
      if (made) world.free.set('m', 1);
      return made;
    },
  });
  expect(world.room.enter(world.ticket('a'))).toBe('placed');
  expect(world.log).toEqual(['a']);
});

test('a start that brings another pump about places everyone once', () => {
  const { room, free, log, ticket } = roomBefore();
  for (const name of ['a', 'b', 'c']) {
    const plain = ticket(name);
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

test('any arrivals and any room: each ticket is placed, late or gone once, and no timer stays', async () => {
  const step = fc.oneof(
    fc.record({
      act: fc.constant('enter' as const),
      priority: fc.constantFrom(100, 0, -1),
      model: fc.constantFrom('a', 'b'),
      tenant: fc.constantFrom('x', 'y'),
    }),
    fc.record({ act: fc.constant('room' as const), model: fc.constantFrom('a', 'b') }),
    fc.record({ act: fc.constant('time' as const), ms: fc.nat(1500) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { clock, room, free, log, ticket } = roomBefore({ mostPerBand: 5, roomInMs: () => 70 });
      let entered = 0;
      for (const [index, each] of steps.entries()) {
        if (each.act === 'enter' && room.enter(ticket(`${index}`, each.priority, each)) !== 'full') entered += 1;
        if (each.act === 'time') await clock.advance(each.ms);
        if (each.act === 'room') {
          free.set(each.model, (free.get(each.model) ?? 0) + 1);
          room.pump();
        }
      }
      await clock.advance(60_000);
      expect(log).toHaveLength(entered);
      expect(new Set(log.map((line) => line.replace(' late', ''))).size).toBe(entered);
      expect([...room.tickets()]).toEqual([]);
      expect(clock.pendingTimers()).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('any queue: room for a model goes to the highest priority that wants it, and leaving upsets no order', () => {
  const arrival = fc.record({
    priority: fc.constantFrom(100, 0, -1, -7),
    model: fc.constantFrom('a', 'b'),
    tenant: fc.constantFrom('x', 'y'),
    ttftSloMs: fc.nat(500),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 30 }), fc.array(fc.constantFrom('a', 'b')), (arrivals, rooms) => {
      const { room, free, log, ticket } = roomBefore({ mostPerBand: 50 });
      const waiting = new Map<string, QueueItem>();
      for (const [index, each] of arrivals.entries()) {
        const entered = ticket(`${index}`, each.priority, each);
        expect(room.enter(entered)).toBe('waiting');
        if (each.leaves) room.leave(entered);
        else waiting.set(`${index}`, entered);
      }
      for (const model of rooms) {
        const wanting = [...waiting].filter(([, other]) => other.queueKey === model);
        free.set(model, 1);
        log.length = 0;
        room.pump();
        free.set(model, 0);
        expect(log).toHaveLength(Math.min(1, wanting.length));
        const placed = waiting.get(log[0] ?? '');
        if (!placed) continue;
        expect(placed.priority).toBe(Math.max(...wanting.map(([, { priority }]) => priority)));
        const earlier = wanting.filter(
          ([, other]) =>
            other.priority === placed.priority &&
            other.tenant === placed.tenant &&
            other.terms.deadlineAtMs < placed.terms.deadlineAtMs,
        );
        expect(earlier).toEqual([]);
        waiting.delete(log[0] ?? '');
      }
      const left = [...waiting.values()];
      expect(new Set(room.tickets())).toEqual(new Set(left));
      for (const each of left) room.leave(each);
      expect([...room.counts.values()].every((count) => count === 0)).toBe(true);
    }),
  );
});
