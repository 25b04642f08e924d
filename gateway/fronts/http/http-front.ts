import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { monotonicClock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { mostClientConnections, openFilesLimit } from '../../../shared/runtime/open-files.ts';
import type { DrainPhase } from '../../drain-phase.ts';
import type { Rejection } from '../../rejection.ts';
import type { Router } from '../../router.ts';
import type { BodyReader } from './body-reader.ts';
import { Exchange, type ExchangeServices } from './exchange.ts';
import { createHttpApp } from './http-app.ts';
import { type Admitting, inferenceRoutes } from './inference-routes.ts';
import { type Rejected, rejectionOf } from './rejected-request.ts';
import type { Timeouts } from './silence-watch.ts';
import { Upstreams } from './upstreams.ts';

/** What the front is made from. */
export interface HttpFrontOptions {
  readonly router: Router;
  readonly admitting: Admitting;
  readonly timeouts: Timeouts;
  /** The process's, shared with other fronts. */
  readonly bodies: BodyReader;
  readonly log: Logger;
  /** Told of a request that got no further than to its admission. */
  readonly onRejected: (rejection: Rejection) => void;
  /** The bearer key for the endpoints; undefined where they need none. */
  readonly endpointsKey: () => string | undefined;
  /** Whose pages may call; none where it is undefined. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Base URL of the async API; undefined where there is none. */
  readonly asyncApiUrl: string | undefined;
  readonly drainPhase: () => DrainPhase;
}

/** Connections that the kernel keeps while the process is busy; it holds the number to its own limit. Protocol: Linux' `somaxconn`. */
const mostUnaccepted = 4096;

/** Clients over HTTP, and the connections to the endpoints: bytes and back-pressure. */
export class HttpFront {
  readonly app: FastifyInstance;
  readonly #upstreams: Upstreams;
  readonly #exchange: ExchangeServices;
  #open = 0;
  #onIdle: () => void = () => {};

  constructor(options: HttpFrontOptions) {
    const { router, log, drainPhase, corsOrigins, asyncApiUrl, admitting, bodies, timeouts } = options;
    const isDraining = (): boolean => drainPhase() !== 'none';
    this.#upstreams = new Upstreams(options.endpointsKey);
    router.pool.subscribe(this.#upstreams);
    const { nowMs } = monotonicClock;
    this.#exchange = { upstreams: this.#upstreams, router, timeouts, isDraining, nowMs };
    const onRejected = (request: FastifyRequest, rejected: Rejected): void =>
      options.onRejected(rejectionOf(request, rejected, admitting.trustedSpelling));
    this.app = createHttpApp({ log, onRejected, isDraining, corsOrigins });
    this.app.register(async (v1) => {
      inferenceRoutes(v1, {
        ...admitting,
        pool: router.pool,
        bytesPerToken: router.bytesPerToken,
        drainPhase,
        opened: (res) => this.#opened(res),
        onRejected,
        asyncApiUrl,
        bodies,
        begin: (res, request) => new Exchange(this.#exchange, request, res).begin(),
      });
    });
  }

  /** Resolves to the clients' base URL once the port is open. */
  async listen(host: string, port: number): Promise<string> {
    const most = mostClientConnections(openFilesLimit());
    if (most !== undefined) this.app.server.maxConnections = most;
    await this.app.listen({ host, port, backlog: mostUnaccepted });
    const address = this.app.server.address() as AddressInfo;
    return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /** Inference requests that came in and whose clients have not got all of their answers. */
  get open(): number {
    return this.#open;
  }

  /** Resolves when every client has its whole answer, or has gone. */
  async idle(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((idle) => {
      this.#onIdle = idle;
    });
  }

  async close(): Promise<void> {
    await this.#upstreams.close();
  }

  #opened(res: ServerResponse): void {
    this.#open += 1;
    res.on('close', () => {
      this.#open -= 1;
      if (this.#open === 0) this.#onIdle();
    });
  }
}
