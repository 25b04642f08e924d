import { beforeEach, expect, test } from 'vitest';
import type { Placement } from '../../../gateway/endpoint/placement.ts';
import { RequestQueue } from '../../../gateway/queue/request-queue.ts';
import type { QueueItem } from '../../../gateway/request.ts';
import type { MonotonicClock, MonotonicMs } from '../../../shared/runtime/clock.ts';

/** Endpoints with room; each item names the endpoint that is its best. */
const room = new Map<string, number>();
const best = new Map<string, string>();
const placed: string[] = [];
let looks = 0;
let timers: { readonly delayMs: number; readonly task: () => void }[] = [];

const clock = {
  nowMs: () => 0 as MonotonicMs,
  after: (delayMs: number, task: () => void) => {
    const timer = { delayMs, task };
    timers.push(timer);
    return () => {
      timers = timers.filter((each) => each !== timer);
    };
  },
} satisfies MonotonicClock;

function queueOf(): RequestQueue {
  return new RequestQueue({
    clock,
    mostPerBand: 100,
    timeoutMs: () => 1000,
    places: {
      take: (item, isTaken) => {
        looks += 1;
        const host = best.get(item.request.id)!;
        const queueKey = `${item.request.model} at ${host}`;
        const left = room.get(host) ?? 0;
        if (left === 0 || isTaken(queueKey)) return { queueKey, roomInMs: undefined, anyRoomInMs: 0 };
        room.set(host, left - 1);
        return { endpoint: host } as unknown as Placement;
      },
      makeRoom: () => false,
    },
  });
}

function itemOf(id: string, host: string, priority = 0, model = 'm', tenant = ''): QueueItem {
  best.set(id, host);
  return {
    request: { id, model, priority, tenant, workClass: priority < 0 ? 'sheddable' : 'realtime' },
    cost: { deadlineAtMs: 0, work: 1, sizeBytes: 0 },
    queueKey: '',
    failedAt: undefined,
    place: () => placed.push(id),
    expire: () => {},
    displace: () => {},
  } as unknown as QueueItem;
}

beforeEach(() => {
  room.clear();
  best.clear();
  placed.length = 0;
  looks = 0;
  timers = [];
});

test('what waits for its endpoint holds up those that would go there, and none that would go elsewhere', () => {
  const queue = queueOf();
  room.set('b', 2);
  expect(queue.enter(itemOf('first', 'a'))).toBe('waiting');
  expect(queue.enter(itemOf('second', 'b'))).toBe('placed');
  room.set('a', 1);
  expect(queue.enter(itemOf('third', 'a'))).toBe('waiting');
  queue.pump();
  expect(placed).toEqual(['second', 'first']);
});

test('it holds up every lower priority of its model, wherever that would go, and no other model', () => {
  const queue = queueOf();
  room.set('b', 5);
  queue.enter(itemOf('chat', 'a'));
  expect(queue.enter(itemOf('async', 'b', -1))).toBe('waiting');
  expect(queue.enter(itemOf('other model', 'b', -1, 'n'))).toBe('placed');
  queue.pump();
  expect(placed).toEqual(['other model']);
  room.set('a', 1);
  queue.pump();
  expect(placed).toEqual(['other model', 'chat', 'async']);
});

test('a higher priority goes first where both wait for the same', () => {
  const queue = queueOf();
  queue.enter(itemOf('low', 'a', 0));
  queue.enter(itemOf('high', 'a', 100));
  room.set('a', 1);
  queue.pump();
  expect(placed).toEqual(['high']);
});

test('what an item waits for is looked at again with every pump', () => {
  const queue = queueOf();
  queue.enter(itemOf('mover', 'a'));
  queue.enter(itemOf('stayer', 'a'));
  best.set('mover', 'b');
  room.set('b', 1);
  queue.pump();
  expect(placed).toEqual(['mover']);
  expect(queue.counts.get(0)).toBe(1);
});

test('of many that wait for the same one alone is looked at', () => {
  const queue = queueOf();
  for (let index = 0; index < 50; index += 1) queue.enter(itemOf(`${index}`, 'a'));
  looks = 0;
  queue.pump();
  expect(looks).toBe(1);
});

test('an item that moves to what others wait for stands behind them, and the next one is looked at', () => {
  const queue = queueOf();
  queue.enter(itemOf('a1', 'a'));
  queue.enter(itemOf('b1', 'b'));
  queue.enter(itemOf('b2', 'b'));
  best.set('b1', 'a');
  room.set('b', 1);
  queue.pump();
  expect(placed).toEqual(['b2']);
  room.set('a', 2);
  queue.pump();
  expect(placed).toEqual(['b2', 'a1', 'b1']);
});

test('several events of one moment are one pump, and none where nothing waits', () => {
  const queue = queueOf();
  queue.pumpSoon();
  expect(timers).toEqual([]);
  queue.enter(itemOf('one', 'a'));
  queue.pump();
  const before = timers.length;
  queue.pumpSoon();
  queue.pumpSoon();
  expect(timers.length).toBe(before + 1);
});
