import { expect, test } from 'vitest';
import { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import { Evictor } from '../../../gateway/queue/evictor.ts';
import { entryOf } from '../../support/ledger-entries.ts';
import { type TicketWish, ticketOf } from '../../support/tickets.ts';

/** An endpoint without a free place, on which the wished requests run, and one that waits. */
function setUp(wishes: readonly (TicketWish & { chunks?: number })[], { full = true } = {}) {
  const clock = { nowMs: -60 };
  const options = { nowMs: () => clock.nowMs, staleAfterMs: 1e9, onUsableChange: () => {} };
  const endpoint = new Endpoint({ url: 'http://a:1', labels: {} }, options);
  const evicted: number[] = [];
  for (const [index, { chunks = 0, ...wish }] of wishes.entries()) {
    const entry = endpoint.ledger.open(entryOf((wish.priority ?? 0) < 0 ? 'sheddable' : 'realtime'));
    const stay = endpoint.intake.open(
      ticketOf(wish, (event) => {
        evicted.push(index);
        expect(event).toBe('evicted');
        entry.close();
        stay.end();
      }),
      entry,
    );
    for (let chunk = 0; chunk < chunks; chunk += 1) stay.sawChunk();
  }
  clock.nowMs = 0;
  for (const waiting of full ? [1, 1, 0] : [0]) {
    endpoint.recordLoad({ running: wishes.length, waiting, kvCacheUtilization: 0 });
  }
  const evictor = new Evictor({ nowMs: () => clock.nowMs, servers: (model) => (model === 'm' ? [endpoint] : []) });
  return { clock, endpoint, evictor, evicted };
}

const urgent = () => ticketOf({ ttftSloMs: 400 });

test('a quarter of the promised TTFT is waited for, then the one with the least progress goes', () => {
  const { clock, evictor, evicted } = setUp([
    { priority: -1, chunks: 9 },
    { priority: -1, chunks: 2 },
    { priority: 0, chunks: 0 },
  ]);
  const ticket = urgent();
  expect([evictor.dueInMs(ticket), evictor.makeRoom(ticket)]).toEqual([100, false]);
  clock.nowMs = 100;
  expect([evictor.dueInMs(ticket), evictor.makeRoom(ticket)]).toEqual([0, true]);
  expect(evicted).toEqual([1]);
});

test('one request has others stopped for it no more often than every 100 ms', () => {
  const { clock, endpoint, evictor, evicted } = setUp(Array.from({ length: 9 }, () => ({ priority: -1 })));
  const ticket = urgent();
  clock.nowMs = 200;
  expect(evictor.makeRoom(ticket)).toBe(true);
  // Another took the place.
  endpoint.ledger.open(entryOf('realtime'));
  expect(evictor.makeRoom(ticket)).toBe(false);
  expect(evictor.dueInMs(ticket)).toBe(100);
  clock.nowMs = 300;
  expect(evictor.makeRoom(ticket)).toBe(true);
  expect(evicted).toEqual([0, 1]);
});

test('so many are stopped as stand before the engine’s places, and nobody where that would not do', () => {
  const { clock, endpoint, evictor, evicted } = setUp(Array.from({ length: 4 }, () => ({ priority: -1 })));
  clock.nowMs = 200;
  for (let other = 0; other < 2; other += 1) endpoint.ledger.open(entryOf('realtime'));
  expect(evictor.makeRoom(urgent())).toBe(true);
  expect(evicted).toEqual([0, 1, 2]);
  for (let other = 0; other < 3; other += 1) endpoint.ledger.open(entryOf('realtime'));
  expect([endpoint.load, evictor.makeRoom(urgent())]).toEqual([6, false]);
});

test.each<[string, TicketWish[], TicketWish, boolean]>([
  ['for sheddable work', [{ priority: -2 }], { priority: -1 }, true],
  ['where no sheddable work runs', [{ priority: 0 }], { priority: 100 }, true],
  ['where the engine has a place', [{ priority: -1 }], { priority: 0 }, false],
  ['for another model', [{ priority: -1 }], { priority: 0, model: 'other' }, true],
])('nobody is stopped %s', (_, running, wish, full) => {
  const { clock, evictor, evicted } = setUp(running, { full });
  clock.nowMs = 10_000;
  const ticket = ticketOf(wish);
  expect([evictor.dueInMs(ticket), evictor.makeRoom(ticket)]).toEqual([undefined, false]);
  expect(evicted).toEqual([]);
});
