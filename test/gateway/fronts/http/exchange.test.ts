import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Endpoint } from '../../../../gateway/endpoint/endpoint.ts';
import { nothingHeld } from '../../../../gateway/endpoint/in-flight.ts';
import { refusal } from '../../../../gateway/refusal.ts';
import type { Router } from '../../../../gateway/router.ts';
import { monotonicClock } from '../../../../shared/runtime/clock.ts';
import { openAttempt } from '../../../support/attempts.ts';
import {
  bothEndpoints,
  type ExchangeWorld,
  exchangeWorld,
  failuresOf,
  sse,
  upstreamEvents,
} from '../../../support/exchange-world.ts';
import { ends } from '../../../support/pools.ts';

/** What can happen to it at any time; none of it may be felt after its end. */
const events: Readonly<Record<string, (world: ExchangeWorld) => void>> = {
  'client left': ({ answer }) => void answer.emit('close'),
  'client read on': ({ answer }) => void answer.emit('drain'),
  stopped: ({ router }) => router.stopAll(refusal('shutting_down', 'bye')),
  evicted: ({ router }) => {
    for (const request of [...router.requests]) request.evicted();
  },
  'endpoint left the pool': ({ pool }) => pool.replace([{ url: 'http://b:1', labels: {} }]),
  'endpoint came': ({ pool }) => pool.replace(bothEndpoints),
  'endpoint was ejected': ({ pool }) => {
    const [first] = pool.usable;
    if (first) ends(first, 'failed', 5);
  },
  'endpoint was found ill': ({ pool }) => {
    for (let time = 0; time < 3; time += 1) pool.endpoints[0]?.health.recordHealth(false);
  },
  'endpoint turned full': ({ pool }) =>
    pool.endpoints[0]?.recordLoad({ running: 1, waiting: 50, kvCacheUtilization: 1 }),
  'endpoint turned idle': ({ pool }) =>
    pool.endpoints[0]?.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0 }),
  'there may be room': ({ router }) => router.pump(),
};

test('any events in any order: counts return to zero, one end is seen, and the client has its answer', () => {
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
      for (const { work, limiter, health, seenTpotMs } of world.everyone) {
        expect([limiter.size, seenTpotMs, health.probing]).toEqual([0, undefined, false]);
        for (const held of [work.realtime, work.sheddable]) {
          expect(held).toEqual(nothingHeld);
        }
      }
      expect([[...world.router.queued], [...world.router.requests]]).toEqual([[], []]);
      expect(world.endings).toHaveLength(1);
      expect(world.closed).toEqual([1]);
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
  const { exchange, answer, endings, closed } = exchangeWorld(0);
  answer.end = () => {};
  exchange.begin();
  exchange.onConnect(() => {});
  exchange.onHeaders(200, sse, () => {});
  exchange.onComplete();
  expect([endings.length, closed]).toEqual([1, []]);
  answer.emit('close');
  expect(closed).toEqual([1]);
});

test.each([
  ['in pieces of nine bytes', 9, ''],
  ['with more than 4 KB after it', 10_000, ': a comment\n\n'.repeat(1000)],
])('the usage of a stream is read %s', (_, length, after) => {
  const { exchange, endings } = exchangeWorld(0);
  const usage = '{"prompt_tokens":12,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":8}}';
  const text = `data: {"choices":[],"usage":${usage}}\n\n${after}data: [DONE]\n\n`;
  exchange.begin();
  exchange.onConnect(() => {});
  exchange.onHeaders(200, sse, () => {});
  for (let at = 0; at < text.length; at += length) exchange.onData(Buffer.from(text.slice(at, at + length)));
  exchange.onComplete();
  expect(endings[0]?.attempt?.usage).toEqual({ promptTokens: 12, completionTokens: 34, cachedTokens: 8 });
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

const waiting = (router: Router) => [...router.queued].map(({ request }) => request.id);
const refused = () => Object.assign(new Error(), { code: 'ECONNREFUSED' });

test('a request whose connection failed waits where the other endpoints have no room, and goes there once they have', () => {
  const { pool, router, exchange, dispatched, endings } = exchangeWorld(0);
  const [a, b] = pool.endpoints as [Endpoint, Endpoint];
  for (let reading = 0; reading < 2; reading += 1) b.recordLoad({ running: 1, waiting: 5, kvCacheUtilization: 0 });
  const held = openAttempt(b, monotonicClock.nowMs());
  exchange.begin();
  expect(dispatched).toEqual([a]);
  exchange.onError(refused());
  expect([waiting(router), dispatched, endings]).toEqual([['r'], [a], []]);
  held.end('abandoned', monotonicClock.nowMs());
  b.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0 });
  router.pump();
  expect(dispatched).toEqual([a, b]);
  exchange.onError(refused());
  expect(endings).toMatchObject([{ outcome: 'upstream_error', status: 502 }]);
});

test('while a request waits for another endpoint, the one that failed is not heard', () => {
  const { pool, router, exchange, answer, endings } = exchangeWorld(0);
  const [, b] = pool.endpoints as [Endpoint, Endpoint];
  for (let reading = 0; reading < 2; reading += 1) b.recordLoad({ running: 1, waiting: 5, kvCacheUtilization: 0 });
  const held = openAttempt(b, monotonicClock.nowMs());
  exchange.begin();
  exchange.onError(Object.assign(new Error(), { code: 'ECONNRESET' }));
  exchange.onHeaders(200, sse, () => {});
  expect(exchange.onData(Buffer.from('x'))).toBe(false);
  exchange.onComplete();
  exchange.onError(refused());
  expect([answer.status, answer.ended, waiting(router), endings]).toEqual([0, false, ['r'], []]);
  held.end('abandoned', monotonicClock.nowMs());
  b.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0 });
  router.pump();
  exchange.onHeaders(200, sse, () => {});
  exchange.onComplete();
  expect([answer.status, endings]).toMatchObject([200, [{ outcome: 'served' }]]);
});

test('a request that waits for another endpoint holds up none that may go to the first', () => {
  const { pool, router, exchange, other, dispatched } = exchangeWorld(0);
  const [a, b] = pool.endpoints as [Endpoint, Endpoint];
  for (let reading = 0; reading < 2; reading += 1) b.recordLoad({ running: 1, waiting: 5, kvCacheUtilization: 0 });
  openAttempt(b, monotonicClock.nowMs());
  exchange.begin();
  exchange.onError(Object.assign(new Error(), { code: 'ECONNRESET' }));
  other().begin();
  expect([waiting(router), dispatched]).toEqual([['r'], [a, a]]);
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
  expect(failuresOf(everyone).toSorted()).toEqual([0, failures]);
});

const declinedWith = (exchange: ExchangeWorld['exchange'], status: number, body: string, headers: string[] = []) => {
  exchange.onConnect(() => {});
  exchange.onHeaders(
    status,
    headers.map((text) => Buffer.from(text)),
    () => {},
  );
  for (const piece of [body.slice(0, 20), body.slice(20)]) exchange.onData(Buffer.from(piece));
  exchange.onComplete();
};
const busy = '{"error":{"message":"The engine is currently busy. Please try again later or on a different instance."}}';

test.each([
  ['a 500', 500, 'oops'],
  ['a 429', 429, '{}'],
  ['vLLM’s own refusal', 503, busy],
])('nothing of %s reaches the client that another endpoint serves', (_, status, body) => {
  const { exchange, answer, dispatched, endings } = exchangeWorld(0);
  const written: string[] = [];
  answer.write = (chunk: unknown) => written.push(String(chunk)) > 0;
  exchange.begin();
  declinedWith(exchange, status, body, ['retry-after', '3600']);
  expect([answer.status, written]).toEqual([0, []]);
  exchange.onHeaders(200, sse, () => {});
  exchange.onData(Buffer.from('data: 1\n\n'));
  exchange.onComplete();
  expect([answer.status, written, new Set(dispatched).size]).toEqual([200, ['data: 1\n\n'], 2]);
  expect(endings).toMatchObject([{ outcome: 'served', status: 200 }]);
});

test('the last answer passes as it is, with the gateway’s own Retry-After', () => {
  const { exchange, answer, endings } = exchangeWorld(0);
  const written: string[] = [];
  const heads: unknown[] = [];
  answer.write = (chunk: unknown) => written.push(String(chunk)) > 0;
  answer.writeHead = (...head: unknown[]) => void heads.push(head);
  exchange.begin();
  for (const body of ['first', 'the second one, which is longer']) {
    declinedWith(exchange, 503, body, ['x-kept', 'yes', 'Retry-After', '3600']);
  }
  expect(heads).toEqual([[503, expect.arrayContaining(['x-kept', 'yes', 'Retry-After', '1'])]]);
  expect(written.join('')).toBe('the second one, which is longer');
  expect(endings).toMatchObject([{ outcome: 'served', status: 503 }]);
});

test('an answer that is too large to be held passes as it comes', () => {
  const { exchange, answer, dispatched } = exchangeWorld(0);
  exchange.begin();
  exchange.onConnect(() => {});
  exchange.onHeaders(500, [], () => {});
  expect(exchange.onData(Buffer.alloc(40_000))).toBe(true);
  expect(answer.status).toBe(0);
  expect(exchange.onData(Buffer.alloc(40_000))).toBe(true);
  expect(answer.status).toBe(500);
  exchange.onComplete();
  expect([answer.ended, dispatched.length]).toEqual([true, 1]);
});

test('a request whose endpoint was the last to take connections is refused as others are', () => {
  const { pool, exchange, dispatched, endings } = exchangeWorld(0);
  pool.endpoints[1]?.recordRefused();
  exchange.begin();
  exchange.onError(refused());
  expect(dispatched).toHaveLength(1);
  expect(endings).toMatchObject([{ outcome: 'no_endpoints', status: 503 }]);
});

test.each(['EMFILE', 'EADDRNOTAVAIL'])(
  'that the gateway can open no connection (%s) is not held against the endpoint',
  (code) => {
    const { exchange, answer, everyone, endings } = exchangeWorld(0);
    exchange.begin();
    exchange.onError(Object.assign(new Error(), { code }));
    expect([answer.status, endings.map(({ outcome }) => outcome)]).toEqual([429, ['saturated']]);
    expect(failuresOf(everyone)).toEqual([0, 0]);
    expect(everyone.every(({ usable }) => usable)).toBe(true);
  },
);
