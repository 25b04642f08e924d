import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ExchangeWorld, exchangeWorld, failuresOf, sse, upstreamEvents } from '../../../support/exchange-world.ts';
import { until } from '../../../support/poll.ts';

describe('time that is wound by hand', () => {
  afterEach(() => vi.useRealTimers());

  function wound(idleTimeoutMs: number, ttftTimeoutMs: number) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const world = exchangeWorld(0, idleTimeoutMs, ttftTimeoutMs);
    world.exchange.begin();
    world.exchange.onConnect(() => {});
    return world;
  }

  test.each([
    ['late', 1500],
    ['soon', 100],
  ])('a silence counts from the last byte, also where the first came %s', async (_, comesAfterMs) => {
    const { exchange, endings } = wound(1000, 10_000);
    await vi.advanceTimersByTimeAsync(comesAfterMs);
    exchange.onHeaders(200, sse, () => {});
    exchange.onData(Buffer.from('x'));
    await vi.advanceTimersByTimeAsync(999);
    expect(endings).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(endings).toMatchObject([{ outcome: 'upstream_timeout' }]);
  });

  test('a second endpoint has the whole time for its first byte, and pays for none that another took', async () => {
    const { everyone, exchange, dispatched, endings } = wound(60_000, 1000);
    await vi.advanceTimersByTimeAsync(900);
    upstreamEvents.reset?.({ exchange } as ExchangeWorld);
    exchange.onConnect(() => {});
    await vi.advanceTimersByTimeAsync(999);
    expect([dispatched.length, endings]).toEqual([2, []]);
    await vi.advanceTimersByTimeAsync(1);
    expect(endings).toMatchObject([{ outcome: 'upstream_timeout' }]);
    expect(failuresOf(everyone)).toEqual([1, 1]);
  });
});

test.each([
  ['an endpoint that falls silent has failed', false, 'upstream_timeout', 1],
  ['a client that does not read is not the endpoint’s failure', true, 'client_gone', 0],
])('%s', async (_, clientStalls, outcome, failures) => {
  const { everyone, exchange, answer, endings } = exchangeWorld(0, 1);
  exchange.begin();
  exchange.onConnect(() => {});
  exchange.onHeaders(200, sse, () => {});
  Object.assign(answer, { writableNeedDrain: clientStalls });
  exchange.onData(Buffer.from('x'));
  await until(() => endings.length === 1, { what: 'the silence to be too long' });
  expect(endings).toMatchObject([{ outcome }]);
  expect(failuresOf(everyone).toSorted()).toEqual([0, failures]);
});

test('a first byte may take longer than a silence within the answer', async () => {
  const { exchange, endings } = exchangeWorld(0, 5);
  exchange.begin();
  exchange.onConnect(() => {});
  const comesAtMs = performance.now() + 30;
  await until(() => performance.now() > comesAtMs, { what: 'the first byte' });
  exchange.onHeaders(200, sse, () => {});
  exchange.onData(Buffer.from('x'));
  exchange.onComplete();
  expect(endings).toMatchObject([{ outcome: 'served' }]);
});

test('a complete answer that its client does not read to the end is cut off; one that is read is not', async () => {
  const [unread, read] = [exchangeWorld(0, 20), exchangeWorld(0, 20)];
  for (const { exchange, answer } of [read, unread]) {
    exchange.begin();
    exchange.onConnect(() => {});
    exchange.onHeaders(200, sse, () => {});
    exchange.onData(Buffer.from('x'));
    answer.end = () => {};
    exchange.onComplete();
  }
  read.answer.emit('close');
  await until(() => unread.answer.destroyed, { what: 'it to be cut' });
  expect(read.answer.destroyed).toBe(false);
  for (const { endings } of [unread, read]) expect(endings.map(({ outcome }) => outcome)).toEqual(['served']);
});
