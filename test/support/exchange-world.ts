import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import { Exchange, type ExchangeServices } from '../../gateway/fronts/http/exchange.ts';
import type { Upstreams } from '../../gateway/fronts/http/upstreams.ts';
import type { Ending } from '../../gateway/routed-request.ts';
import { Router } from '../../gateway/router.ts';
import { monotonicClock } from '../../shared/runtime/clock.ts';
import { routingRequestOf } from './routing-requests.ts';

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

  /** Tells that it is closed after those that listen for it. */
  override emit(event: string, ...values: unknown[]): boolean {
    const heard = super.emit(event, ...values);
    if (event === 'close') super.emit('closed');
    return heard;
  }
}

export const bothEndpoints = [
  { url: 'http://a:1', labels: {} },
  { url: 'http://b:1', labels: {} },
];

/** Two endpoints, one request, and the hands of both sides. */
export function exchangeWorld(priority: number, idleTimeoutMs = 60_000, ttftTimeoutMs = 60_000) {
  const everyone: Endpoint[] = [];
  const router = new Router({
    clock: monotonicClock,
    policy: 'least-request',
    random: () => 0,
    holdsQueue: true,
    // A test that takes its time loses no reading.
    staleAfterMs: 1e9,
    maxQueued: 10,
    queueTimeoutMs: 1000,
    sheddableWaitMs: 1000,
  });
  const { pool } = router;
  pool.subscribe({ added: (endpoint) => everyone.push(endpoint) });
  pool.replace(bothEndpoints);
  const endings: Ending[] = [];
  router.subscribe({ ended: (_, ending) => endings.push(ending) });
  /** For each time that the answer was closed, how often its request had ended. */
  const closed: number[] = [];
  const dispatched: unknown[] = [];
  const services: ExchangeServices = {
    upstreams: { dispatch: (endpoint: unknown) => dispatched.push(endpoint) } as unknown as Upstreams,
    router,
    timeouts: { ttftTimeoutMs, idleTimeoutMs },
    isDraining: () => false,
    nowMs: monotonicClock.nowMs,
  };
  const request = {
    ...routingRequestOf({ id: 'r', priority, promptTokens: 7, sizeBytes: 2 }),
    target: '/v1/completions',
    rawHeaders: [],
    body: { toSend: () => ({ body: Buffer.from('{}'), headers: [] }), release: () => {} },
  };
  const answer = new FakeAnswer();
  answer.once('closed', () => closed.push(endings.length));
  const exchange = new Exchange(services, request, answer as unknown as ServerResponse);
  const other = (): Exchange => new Exchange(services, request, new FakeAnswer() as unknown as ServerResponse);
  return { other, router, pool, everyone, exchange, answer, endings, closed, dispatched };
}

/** Requests that the endpoints failed lately; a share of each has faded. */
export function failuresOf(endpoints: readonly Endpoint[]): readonly number[] {
  return endpoints.map(({ health }) => Math.round(health.tally.failures));
}

export type ExchangeWorld = ReturnType<typeof exchangeWorld>;

/** Headers of an event stream, as they come from the wire. */
export const sse = ['content-type', 'text/event-stream'].map((text) => Buffer.from(text));
/** What an endpoint can do to an exchange, in any order, once the request was sent there. */
export const upstreamEvents: Readonly<Record<string, (world: ExchangeWorld) => void>> = {
  connected: ({ exchange }) => exchange.onConnect(() => {}),
  informed: ({ exchange }) => void exchange.onHeaders(103, [], () => {}),
  'head came': ({ exchange }) => void exchange.onHeaders(200, sse, () => {}),
  'declining head came': ({ exchange }) => void exchange.onHeaders(503, [], () => {}),
  'bytes came': ({ exchange }) => void exchange.onData(Buffer.from('data: 1\n\n')),
  'answer ended': ({ exchange }) => exchange.onComplete(),
  refused: ({ exchange }) => exchange.onError(Object.assign(new Error(), { code: 'ECONNREFUSED' })),
  reset: ({ exchange }) => exchange.onError(Object.assign(new Error(), { code: 'ECONNRESET' })),
};
