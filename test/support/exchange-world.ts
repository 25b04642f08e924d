import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Chooser } from '../../gateway/choose/chooser.ts';
import { policies } from '../../gateway/choose/policies/policies.ts';
import type { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import { Pool } from '../../gateway/endpoint/pool.ts';
import type { Ending } from '../../gateway/fronts/http/ending.ts';
import { Exchange, type ExchangeServices } from '../../gateway/fronts/http/exchange.ts';
import type { Upstreams } from '../../gateway/fronts/http/upstreams.ts';
import { hasRoom, lateBinding } from '../../gateway/queue/late-binding.ts';
import { refusal } from '../../gateway/refusal.ts';
import { apiRoutes } from '../../shared/openai/api-routes.ts';
import { monotonicClock } from '../../shared/runtime/clock.ts';

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

export const bothEndpoints = [
  { url: 'http://a:1', labels: {} },
  { url: 'http://b:1', labels: {} },
];

/** Two endpoints, one request, and the hands of both sides. */
export function exchangeWorld(priority: number, idleTimeoutMs = 60_000, ttftTimeoutMs = 60_000) {
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
    clock: monotonicClock,
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
    patience: { ttftTimeoutMs, idleTimeoutMs },
    placeElsewhere: ({ request }) => chooser.choose(request) ?? (pool.anyUsable ? 'later' : 'nowhere'),
    refusalWhenFull: () => refusal('saturated', 'full'),
    refusalWhenLate: () => refusal('saturated', 'late'),
    refusalWhenEvicted: () => refusal('evicted', 'evicted'),
    observer: { began: () => {}, ended: (_, ending) => endings.push(ending), left: () => left.push(endings.length) },
    isDraining: () => false,
    nowMs: monotonicClock.nowMs,
  };
  const request = {
    id: 'r',
    target: '/v1/completions',
    rawHeaders: [],
    body: Buffer.from('{}'),
    model: 'm',
    stream: true,
    route: apiRoutes.completions,
    answersAsked: 1,
    promptSize: { textBytes: 2, attachments: 0 },
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

export type ExchangeWorld = ReturnType<typeof exchangeWorld>;

/** Headers of an event stream, as they come from the wire. */
export const sse = ['content-type', 'text/event-stream'].map((text) => Buffer.from(text));
/** What an endpoint can do to an exchange, in any order, once the request was sent there. */
export const upstreamEvents: Readonly<Record<string, (world: ExchangeWorld) => void>> = {
  connected: ({ exchange }) => exchange.onConnect(() => {}),
  informed: ({ exchange }) => void exchange.onHeaders(103, [], () => {}),
  'head came': ({ exchange }) => void exchange.onHeaders(200, sse, () => {}),
  'bytes came': ({ exchange }) => void exchange.onData(Buffer.from('data: 1\n\n')),
  'answer ended': ({ exchange }) => exchange.onComplete(),
  refused: ({ exchange }) => exchange.onError(Object.assign(new Error(), { code: 'ECONNREFUSED' })),
  reset: ({ exchange }) => exchange.onError(Object.assign(new Error(), { code: 'ECONNRESET' })),
};
