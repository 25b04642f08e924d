import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QueueItem } from '../../../gateway/request.ts';
import { placement, queueBefore } from '../../support/request-queues.ts';

test('where no time to wait is given, an item without room is late', () => {
  const { queue, item } = queueBefore({ timeoutMs: { realtime: 0, sheddable: 0 } });
  expect(queue.enter(item('first'))).toBe('late');
  expect([...queue.items()]).toEqual([]);
});

test('with room an item goes at once; without room it waits, and goes in order of priority, then of arrival', () => {
  const { queue, free, log, item } = queueBefore();
  free.set('m', 1);
  expect(queue.enter(item('first'))).toBe('placed');
  for (const [name, priority] of [
    ['shed', -1],
    ['a', 0],
    ['b', 0],
    ['high', 100],
  ] as const) {
    expect(queue.enter(item(name, priority))).toBe('waiting');
  }
  free.set('m', 3);
  queue.pump();
  expect(log).toEqual(['first', 'high', 'a', 'b']);
  expect([...queue.items()].map(({ request }) => request.priority)).toEqual([-1]);
  expect([...queue.counts]).toEqual([
    [-1, 1],
    [0, 0],
    [100, 0],
  ]);
});

test.each([
  ['one of the same priority', 0],
  ['one of a higher priority', 100],
])('an item does not overtake %s that waits for the same model', async (_, priority) => {
  const { clock, queue, free, log, item } = queueBefore();
  queue.enter(item('early', priority));
  free.set('m', 1);
  queue.enter(item('late', 0));
  expect(log).toEqual([]);
  await clock.advance(5);
  queue.enter(item('later', 0));
  expect(log).toEqual(['early']);
});

test('an item of a higher priority overtakes', () => {
  const { queue, free, log, item } = queueBefore();
  queue.enter(item('early', 0));
  free.set('m', 1);
  expect(queue.enter(item('high', 100))).toBe('placed');
  expect(log).toEqual(['high']);
});

test('when the last item that waited is gone, the next one goes at once again', () => {
  const { queue, free, log, item } = queueBefore();
  queue.enter(item('early'));
  free.set('m', 2);
  queue.pump();
  expect(queue.enter(item('late'))).toBe('placed');
  expect(log).toEqual(['early', 'late']);
});

test('a blocked model holds up no other, a blocked band none below that wants another model', () => {
  const { queue, free, log, item } = queueBefore();
  queue.enter(item('blocked', 100, { model: 'big' }));
  queue.enter(item('same model', -1, { model: 'big' }));
  queue.enter(item('low', -1, { model: 'small' }));
  free.set('small', 1);
  queue.pump();
  expect(log).toEqual(['low']);
});

test('a band holds a limited number of items and bytes; other bands are not touched', () => {
  const { queue, item } = queueBefore({ mostPerBand: 1 });
  expect([queue.enter(item('a')), queue.enter(item('b')), queue.enter(item('c', -1))]).toEqual([
    'waiting',
    'full',
    'waiting',
  ]);
  const large = queueBefore();
  const halfOfIt = { sizeBytes: 200 * 1024 * 1024 };
  expect(large.queue.enter(large.item('a', 0, halfOfIt))).toBe('waiting');
  expect(large.queue.enter(large.item('b', 0, halfOfIt))).toBe('full');
  expect(large.queue.enter(large.item('c', 0))).toBe('waiting');
});

test('each work class has its own longest wait', async () => {
  const { clock, queue, log, item } = queueBefore();
  queue.enter(item('shed', -1));
  queue.enter(item('real', 0));
  await clock.advance(999);
  expect(log).toEqual([]);
  await clock.advance(1);
  expect(log).toEqual(['shed late']);
  await clock.advance(59_000);
  expect(log).toEqual(['shed late', 'real late']);
  expect(clock.pendingTimers()).toBe(0);
});

test('an item that left is not placed and not late', async () => {
  const { clock, queue, free, log, item } = queueBefore();
  const gone = item('gone');
  queue.enter(gone);
  queue.leave(gone);
  queue.leave(gone);
  free.set('m', 1);
  queue.pump();
  await clock.advance(100_000);
  expect(log).toEqual([]);
});

test('room that comes by time alone is used when it comes', async () => {
  const due = { atMs: 40 };
  const world = queueBefore({ roomInMs: () => Math.max(0, due.atMs - world.clock.now()) || undefined });
  world.queue.enter(world.item('a'));
  world.free.set('m', 1);
  await world.clock.advance(39);
  expect(world.log).toEqual([]);
  await world.clock.advance(1);
  expect(world.log).toEqual(['a']);
  expect(world.clock.pendingTimers()).toBe(0);
});

test('room that is made goes to the item for which it was made', () => {
  const world = queueBefore({
    makeRoom: () => {
      const made = !world.free.has('m');
      if (made) world.free.set('m', 1);
      return made;
    },
  });
  expect(world.queue.enter(world.item('a'))).toBe('placed');
  expect(world.log).toEqual(['a']);
});

test('where a placed item causes another pump, each item is placed once', () => {
  const { queue, free, log, item } = queueBefore();
  for (const name of ['a', 'b', 'c']) {
    const plain = item(name);
    queue.enter({
      ...plain,
      place: () => {
        plain.place(placement);
        queue.pump();
      },
    });
  }
  free.set('m', 3);
  queue.pump();
  expect(log.sort()).toEqual(['a', 'b', 'c']);
});

test('any arrivals and any room: each item is placed or late once, and no timer stays', async () => {
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
      const { clock, queue, free, log, item } = queueBefore({ mostPerBand: 5, roomInMs: () => 70 });
      let entered = 0;
      for (const [index, each] of steps.entries()) {
        if (each.act === 'enter' && queue.enter(item(`${index}`, each.priority, each)) !== 'full') entered += 1;
        if (each.act === 'time') await clock.advance(each.ms);
        if (each.act === 'room') {
          free.set(each.model, (free.get(each.model) ?? 0) + 1);
          queue.pump();
        }
      }
      await clock.advance(60_000);
      expect(log).toHaveLength(entered);
      expect(new Set(log.map((line) => line.replace(' late', ''))).size).toBe(entered);
      expect([...queue.items()]).toEqual([]);
      expect(clock.pendingTimers()).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('any queue: room for a model goes to the highest priority that waits for it, and items that leave upset no order', () => {
  const arrival = fc.record({
    priority: fc.constantFrom(100, 0, -1, -7),
    model: fc.constantFrom('a', 'b'),
    tenant: fc.constantFrom('x', 'y'),
    ttftSloMs: fc.nat(500),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 30 }), fc.array(fc.constantFrom('a', 'b')), (arrivals, rooms) => {
      const { queue, free, log, item } = queueBefore({ mostPerBand: 50 });
      const waiting = new Map<string, QueueItem>();
      for (const [index, each] of arrivals.entries()) {
        const entered = item(`${index}`, each.priority, each);
        expect(queue.enter(entered)).toBe('waiting');
        if (each.leaves) queue.leave(entered);
        else waiting.set(`${index}`, entered);
      }
      for (const model of rooms) {
        const wanting = [...waiting].filter(([, other]) => other.queueKey === model);
        free.set(model, 1);
        log.length = 0;
        queue.pump();
        free.set(model, 0);
        expect(log).toHaveLength(Math.min(1, wanting.length));
        const placed = waiting.get(log[0] ?? '');
        if (!placed) continue;
        expect(placed.request.priority).toBe(Math.max(...wanting.map(([, { request }]) => request.priority)));
        const earlier = wanting.filter(
          ([, other]) =>
            other.request.priority === placed.request.priority &&
            other.request.tenant === placed.request.tenant &&
            other.cost.deadlineAtMs < placed.cost.deadlineAtMs,
        );
        expect(earlier).toEqual([]);
        waiting.delete(log[0] ?? '');
      }
      const left = [...waiting.values()];
      expect(new Set(queue.items())).toEqual(new Set(left));
      for (const each of left) queue.leave(each);
      expect([...queue.counts.values()].every((count) => count === 0)).toBe(true);
    }),
  );
});

test('where no endpoint has room for any of them, those that wait for other models are not looked at', () => {
  const world = queueBefore({ mostPerBand: 1000, anyRoomInMs: () => undefined });
  for (let model = 0; model < 500; model += 1) world.queue.enter(world.item(`r${model}`, 0, { model: `m${model}` }));
  const before = world.looks;
  world.queue.pump();
  expect(world.looks - before).toBe(1);
});

test('room that comes by itself is waited for, whatever model it is for', async () => {
  const world = queueBefore({ anyRoomInMs: () => 50 });
  world.queue.enter(world.item('first', 0, { model: 'a' }));
  world.queue.enter(world.item('second', 0, { model: 'b' }));
  world.queue.pump();
  world.free.set('a', 1);
  await world.clock.advance(60);
  expect(world.log).toEqual(['first']);
});
