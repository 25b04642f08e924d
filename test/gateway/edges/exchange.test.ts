import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { policies } from '../../../gateway/decisions/policies.ts';
import { refusal } from '../../../gateway/decisions/refusals.ts';
import type { Ending } from '../../../gateway/edges/ending.ts';
import { Exchange, type ExchangeServices } from '../../../gateway/edges/exchange.ts';
import type { Upstreams } from '../../../gateway/edges/upstreams.ts';
import { Chooser } from '../../../gateway/state/chooser.ts';
import { processClock } from '../../../gateway/state/clock.ts';
import type { Endpoint } from '../../../gateway/state/endpoint.ts';
import { hasRoom, lateBinding } from '../../../gateway/state/late-binding.ts';
import { nothingHeld } from '../../../gateway/state/ledger.ts';
import { Pool } from '../../../gateway/state/pool.ts';
import { entryOf } from '../../support/ledger-entries.ts';
import { until } from '../../support/poll.ts';
import { ends } from '../../support/pools.ts';

/** A client's side of the connection that takes everything and remembers no bytes. */
class FakeAnswer extends EventEmitter {
  ended = false;
  destroyed = false;
  status = 0;
  readonly req = { complete: true };
  readonly writableLength = 0;
  readonly writableNeedDrain = false;

  writeHead(status: number): void {
    this.status = status;
  }

  write(_chunk: unknown, flushed?: () => void): boolean {
    flushed?.();
    return true;
  }

  end(): void {
    this.ended = true;
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

const bothEndpoints = [
  { url: 'http://a:1', labels: {} },
  { url: 'http://b:1', labels: {} },
];

/** Two endpoints, one request, and the hands of both sides. */
function setUp(priority: number, idleTimeoutMs = 60_000, ttftTimeoutMs = 60_000) {
  const everyone: Endpoint[] = [];
  const pool = new Pool(
    { nowMs: () => 0, staleAfterMs: 1000, onUsableChange: () => {} },
    { added: (endpoint) => everyone.push(endpoint), removed: () => {} },
  );
  pool.replace(bothEndpoints);
  const chooser = new Chooser({
    pool,
    policy: policies['least-request'],
    hasRoom,
    nowMs: () => 0,
    random: () => 0,
    onChoice: () => {},
  });
  const waitingRoom = lateBinding({
    clock: processClock,
    pool,
    choose: (ticket) => chooser.choose(ticket.request),
    mostPerBand: 10,
    timeoutMs: { realtime: 1000, sheddable: 1000 },
  });
  const endings: Ending[] = [];
  /** For each time that it left, how often it had ended. */
  const left: number[] = [];
  const dispatched: unknown[] = [];
  const services: ExchangeServices = {
    upstreams: { dispatch: (endpoint: unknown) => dispatched.push(endpoint) } as unknown as Upstreams,
    waitingRoom,
    ttftTimeoutMs,
    idleTimeoutMs,
    placeElsewhere: ({ request }) => chooser.choose(request) ?? (pool.anyUsable ? 'later' : 'nowhere'),
    refusalWhenFull: () => refusal('saturated', 'full'),
    refusalWhenLate: () => refusal('saturated', 'late'),
    refusalWhenEvicted: () => refusal('evicted', 'evicted'),
    observer: { began: () => {}, ended: (_, ending) => endings.push(ending), left: () => left.push(endings.length) },
    isDraining: () => false,
    nowMs: processClock.nowMs,
  };
  const request = {
    id: 'r',
    target: '/v1/completions',
    rawHeaders: [],
    body: Buffer.from('{}'),
    model: 'm',
    stream: true,
    promptTokens: 7,
    promptBlocks: new Uint32Array(),
    workClass: priority < 0 ? ('sheddable' as const) : ('realtime' as const),
    maxOutputTokens: undefined,
    ttftSloMs: undefined,
    tpotSloMs: undefined,
    missBudget: undefined,
    sizeBytes: 2,
    tenant: '',
    objective: { name: 'o', priority },
  };
  const answer = new FakeAnswer();
  const exchange = new Exchange(services, { ...request }, answer as unknown as ServerResponse);
  const other = (): Exchange => new Exchange(services, { ...request }, new FakeAnswer() as unknown as ServerResponse);
  return { other, pool, everyone, waitingRoom, exchange, answer, endings, left, dispatched };
}

type World = ReturnType<typeof setUp>;

const sse = ['content-type', 'text/event-stream'].map((text) => Buffer.from(text));
/** What an endpoint can do to an exchange, in any order, once the request was sent there. */
const upstreamEvents: Readonly<Record<string, (world: World) => void>> = {
  connected: ({ exchange }) => exchange.onConnect(() => {}),
  informed: ({ exchange }) => void exchange.onHeaders(103, [], () => {}),
  'head came': ({ exchange }) => void exchange.onHeaders(200, sse, () => {}),
  'bytes came': ({ exchange }) => void exchange.onData(Buffer.from('data: 1\n\n')),
  'answer ended': ({ exchange }) => exchange.onComplete(),
  refused: ({ exchange }) => exchange.onError(Object.assign(new Error(), { code: 'ECONNREFUSED' })),
  reset: ({ exchange }) => exchange.onError(Object.assign(new Error(), { code: 'ECONNRESET' })),
};
/** What can happen to it at any time; none of it may be felt after its end. */
const events: Readonly<Record<string, (world: World) => void>> = {
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
      const world = setUp(priority);
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
  const { exchange, answer, endings } = setUp(0);
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
  const { exchange, answer, endings, left } = setUp(0);
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
  const { exchange, answer } = setUp(0);
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
  const { pool, waitingRoom, exchange, dispatched, endings } = setUp(0);
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
  const { pool, waitingRoom, exchange, other, dispatched } = setUp(0);
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
  const { everyone, exchange, endings } = setUp(0);
  exchange.begin();
  exchange.onError(Object.assign(new Error(), { code }));
  exchange.onHeaders(200, sse, () => {});
  exchange.onComplete();
  expect(endings).toMatchObject([{ outcome: 'served' }]);
  expect(everyone.map(({ standing }) => standing.tally.failures).sort()).toEqual([0, failures]);
});

test('a request whose endpoint was the last to take connections is refused as everyone is', () => {
  const { pool, exchange, dispatched, endings } = setUp(0);
  pool.endpoints[1]?.recordRefused();
  exchange.begin();
  exchange.onError(refused());
  expect(dispatched).toHaveLength(1);
  expect(endings).toMatchObject([{ outcome: 'no_endpoints', status: 503 }]);
});

test.each([
  ['an endpoint that falls silent has failed', false, 'upstream_timeout', 1],
  ['a client that does not read is not the endpoint’s failure', true, 'client_gone', 0],
])('%s', async (_, clientStalls, outcome, failures) => {
  const { everyone, exchange, answer, endings } = setUp(0, 1);
  exchange.begin();
  exchange.onConnect(() => {});
  exchange.onHeaders(200, sse, () => {});
  Object.assign(answer, { writableNeedDrain: clientStalls });
  exchange.onData(Buffer.from('x'));
  await until(() => endings.length === 1, { what: 'the silence to be too long' });
  expect(endings).toMatchObject([{ outcome }]);
  expect(everyone.reduce((sum, { standing }) => sum + standing.tally.failures, 0)).toBe(failures);
});

test('a first byte may take longer than a silence within the answer', async () => {
  const { exchange, endings } = setUp(0, 5);
  exchange.begin();
  exchange.onConnect(() => {});
  const comesAtMs = performance.now() + 30;
  await until(() => performance.now() > comesAtMs, { what: 'the first byte' });
  exchange.onHeaders(200, sse, () => {});
  exchange.onData(Buffer.from('x'));
  exchange.onComplete();
  expect(endings).toMatchObject([{ outcome: 'served' }]);
});

describe('time that is wound by hand', () => {
  afterEach(() => vi.useRealTimers());

  function wound(idleTimeoutMs: number, ttftTimeoutMs: number) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const world = setUp(0, idleTimeoutMs, ttftTimeoutMs);
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
    upstreamEvents.reset?.({ exchange } as World);
    exchange.onConnect(() => {});
    await vi.advanceTimersByTimeAsync(999);
    expect([dispatched.length, endings]).toEqual([2, []]);
    await vi.advanceTimersByTimeAsync(1);
    expect(endings).toMatchObject([{ outcome: 'upstream_timeout' }]);
    expect(everyone.map(({ standing }) => standing.tally.failures)).toEqual([1, 1]);
  });
});

test('a complete answer that its client does not read to the end is cut off; one that is read is not', async () => {
  const [unread, read] = [setUp(0, 20), setUp(0, 20)];
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
