import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { monotonicClock } from '../../../shared/runtime/clock.ts';
import { LinkedList, type ListNode } from '../../../shared/runtime/linked-list.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import type { FailureCode } from '../../refusal.ts';
import type { Router } from '../../router.ts';
import { BodyReader } from './body-reader.ts';
import { drainConnections } from './drain-connections.ts';
import { type AdmittedRequest, Exchange, type ExchangeServices } from './exchange.ts';
import { createHttpApp } from './http-app.ts';
import { type Admitting, inferenceRoutes } from './inference-routes.ts';
import type { Timeouts } from './silence-watch.ts';
import { Upstreams } from './upstreams.ts';

export interface HttpFrontOptions {
  readonly router: Router;
  readonly admitting: Admitting;
  readonly timeouts: Timeouts;
  readonly maxBodyBytes: number;
  readonly log: Logger;
  /** Told why a request got no further than to its admission. */
  readonly onRejected: (code: FailureCode) => void;
  readonly isDraining: () => boolean;
}

/** Connections that the kernel keeps while the process is busy; it holds the number to its own limit. */
const mostUnaccepted = 4096;

/** Clients over HTTP, and the connections to the endpoints: bytes and back-pressure. */
export class HttpFront {
  readonly app: FastifyInstance;
  readonly #upstreams = new Upstreams();
  readonly #exchanges = new LinkedList<Exchange>();
  readonly #exchange: ExchangeServices;
  readonly #nodes = new WeakMap<Exchange, ListNode<Exchange>>();
  #onIdle: () => void = () => {};

  constructor(options: HttpFrontOptions) {
    const { router, log, onRejected, isDraining, admitting, maxBodyBytes, timeouts } = options;
    router.pool.subscribe(this.#upstreams);
    const { nowMs } = monotonicClock;
    const closed = (exchange: Exchange): void => this.#closed(exchange);
    this.#exchange = { upstreams: this.#upstreams, router, timeouts, isDraining, nowMs, closed };
    this.app = createHttpApp(log, onRejected);
    this.app.register(async (v1) => {
      inferenceRoutes(v1, {
        ...admitting,
        pool: router.pool,
        bytesPerToken: router.bytesPerToken,
        isDraining,
        onRejected,
        bodies: new BodyReader(maxBodyBytes),
        begin: (res, request) => this.#begin(res, request),
      });
    });
  }

  /** Resolves to the clients' base URL once the port is open. */
  async listen(host: string, port: number): Promise<string> {
    await this.app.listen({ host, port, backlog: mostUnaccepted });
    const address = this.app.server.address() as AddressInfo;
    return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /** Requests whose clients have not got all of their answers. */
  get open(): number {
    return this.#exchanges.size;
  }

  /** Resolves when every client has its whole answer, or has gone. */
  async idle(): Promise<void> {
    if (this.#exchanges.size === 0) return;
    await new Promise<void>((idle) => {
      this.#onIdle = idle;
    });
  }

  /** Gives clients that keep their connections a moment to hear that they must go elsewhere. */
  async drainConnections(others: readonly FastifyInstance[]): Promise<void> {
    await drainConnections([this.app, ...others]);
  }

  async close(): Promise<void> {
    await this.#upstreams.close();
  }

  #begin(res: ServerResponse, request: AdmittedRequest): void {
    const exchange = new Exchange(this.#exchange, request, res);
    this.#nodes.set(exchange, this.#exchanges.add(exchange));
    exchange.begin();
  }

  #closed(exchange: Exchange): void {
    const node = this.#nodes.get(exchange);
    if (node) this.#exchanges.remove(node);
    if (this.#exchanges.size === 0) this.#onIdle();
  }
}
