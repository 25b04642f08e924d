import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Endpoint } from '../../../../gateway/endpoint/endpoint.ts';
import { nothingHeld } from '../../../../gateway/endpoint/in-flight.ts';
import { refusal } from '../../../../gateway/refusal.ts';
import {
  bothEndpoints,
  type ExchangeWorld,
  exchangeWorld,
  sse,
  upstreamEvents,
} from '../../../support/exchange-world.ts';
import { entryOf } from '../../../support/ledger-entries.ts';
import { ends } from '../../../support/pools.ts';

/** What can happen to it at any time; none of it may be felt after its end. */
const events: Readonly<Record<string, (world: ExchangeWorld) => void>> = {
  'client left': ({ answer }) => void answer.emit('close'),
  'client read on': ({ answer }) => void answer.emit('drain'),
  stopped: ({ exchange }) => exchange.stop(refusal('shutting_down', 'bye')),
  evicted: ({ exchange }) => exchange.stop(refusal('evicted', 'make room')),
  'endpoint left the pool': ({ pool }) => pool.replace([{ url: 'http://b:1', labels: {} }]),
  'endpoint came': ({ pool }) => pool.replace(bothEndpoints),
  'endpoint was ejected': ({ pool }) => {
    const [first] = pool.usable;
    if (first) ends(first, 'failed', 5);
  },
  'endpoint was found ill': ({ pool }) => {
    for (let time = 0; time < 3; time += 1) pool.endpoints[0]?.standing.recordHealth(false);
  },
  'endpoint turned full': ({ pool }) =>
    pool.endpoints[0]?.recordLoad({ running: 1, waiting: 50, kvCacheUtilization: 1 }),
  'endpoint turned idle': ({ pool }) =>
    pool.endpoints[0]?.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0 }),
  'there may be room': ({ waitingRoom }) => waitingRoom.pump(),
};

test('whatever happens in whatever order: counts return to zero, one end is seen, and the client has its answer', () => {
  const anyEvents = fc.array(fc.constantFrom(...Object.keys({ ...upstreamEvents, ...events })), { maxLength: 20 });
  fc.assert(
    fc.property(anyEvents, fc.constantFrom(100, 0, -1), fc.boolean(), (names, priority, full) => {
      const world = exchangeWorld(priority);
      const endpoints = world.pool.endpoints;
      if (full) for (const each of endpoints) each.recordLoad({ running: 1, waiting: 50, kvCacheUtilization: 1 });
      world.exchange.begin();
      for (const name of [...names, 'stopped']) {
        events[name]?.(world);
        if (world.dispatched.length > 0) upstreamEvents[name]?.(world);
      }
      for (const { ledger, intake, standing } of world.everyone) {
        expect([intake.stays.size, intake.gaps.tpotMs(0), standing.probing]).toEqual([0, undefined, false]);
        for (const held of [ledger.realtime, ledger.sheddable]) {
          expect(held).toEqual(nothingHeld);
        }
      }
      expect([...world.waitingRoom.tickets()]).toEqual([]);
      expect(world.endings).toHaveLength(1);
      expect(world.left).toEqual([1]);
      expect(world.dispatched.length).toBeLessThanOrEqual(2);
      const gone = world.endings[0]?.outcome === 'client_gone';
      expect(gone || world.answer.ended || world.answer.destroyed).toBe(true);
    }),
  );
});

test('a client that leaves while the connection is being made: the connection is dropped once it is there', () => {
  const { exchange, answer, endings } = exchangeWorld(0);
  exchange.begin();
  answer.emit('close');
  let aborted = false;
  exchange.onConnect(() => {
    aborted = true;
  });
  expect(aborted).toBe(true);
  expect(endings).toMatchObject([{ outcome: 'client_gone', status: 0 }]);
});

test('a client that still reads has not left, though the endpoint is done', () => {
  const { exchange, answer, endings, left } = exchangeWorld(0);
  answer.end = () => {};
  exchange.begin();
  exchange.onConnect(() => {});
  exchange.onHeaders(200, sse, () => {});
  exchange.onComplete();
  expect([endings.length, left]).toEqual([1, []]);
  answer.emit('close');
  expect(left).toEqual([1]);
});

test('no byte goes to a client that reads no more, until it reads on', () => {
  const { exchange, answer } = exchangeWorld(0);
  let resumed = 0;
  exchange.begin();
  exchange.onConnect(() => {});
  exchange.onHeaders(200, sse, () => {
    resumed += 1;
  });
  answer.write = () => false;
  expect(exchange.onData(Buffer.from('x'))).toBe(false);
  answer.emit('drain');
  expect(resumed).toBe(1);
});

const refused = () => Object.assign(new Error(), { code: 'ECONNREFUSED' });

test('a request whose connection failed waits where the other endpoints have no room, and goes there once they have', () => {
  const { pool, waitingRoom, exchange, dispatched, endings } = exchangeWorld(0);
  const [a, b] = pool.endpoints as [Endpoint, Endpoint];
  for (let reading = 0; reading < 2; reading += 1) b.recordLoad({ running: 1, waiting: 5, kvCacheUtilization: 0 });
  const held = b.ledger.open(entryOf('realtime'));
  exchange.begin();
  expect(dispatched).toEqual([a]);
  exchange.onError(refused());
  expect([[...waitingRoom.tickets()], dispatched, endings]).toEqual([[exchange], [a], []]);
  held.close();
  b.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0 });
  waitingRoom.pump();
  expect(dispatched).toEqual([a, b]);
  exchange.onError(refused());
  expect(endings).toMatchObject([{ outcome: 'upstream_error', status: 502 }]);
});

test('who waits for another endpoint holds up nobody who may go to the first', () => {
  const { pool, waitingRoom, exchange, other, dispatched } = exchangeWorld(0);
  const [a, b] = pool.endpoints as [Endpoint, Endpoint];
  for (let reading = 0; reading < 2; reading += 1) b.recordLoad({ running: 1, waiting: 5, kvCacheUtilization: 0 });
  b.ledger.open(entryOf('realtime'));
  exchange.begin();
  exchange.onError(Object.assign(new Error(), { code: 'ECONNRESET' }));
  other().begin();
  expect([[...waitingRoom.tickets()], dispatched]).toEqual([[exchange], [a, a]]);
});

test.each([
  ['a reset before the first byte is a failure of the first endpoint', 'ECONNRESET', 1],
  ['a refused connection is told by that alone', 'ECONNREFUSED', 0],
])('%s', (_, code, failures) => {
  const { everyone, exchange, endings } = exchangeWorld(0);
  exchange.begin();
  exchange.onError(Object.assign(new Error(), { code }));
  exchange.onHeaders(200, sse, () => {});
  exchange.onComplete();
  expect(endings).toMatchObject([{ outcome: 'served' }]);
  expect(everyone.map(({ standing }) => standing.tally.failures).sort()).toEqual([0, failures]);
});

test('a request whose endpoint was the last to take connections is refused as everyone is', () => {
  const { pool, exchange, dispatched, endings } = exchangeWorld(0);
  pool.endpoints[1]?.recordRefused();
  exchange.begin();
  exchange.onError(refused());
  expect(dispatched).toHaveLength(1);
  expect(endings).toMatchObject([{ outcome: 'no_endpoints', status: 503 }]);
});
