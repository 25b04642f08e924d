import { buildConnector, Pool as Connections, type Dispatcher } from 'undici';
import type { Endpoint } from '../../endpoint/endpoint.ts';
import { readAnswersWhole } from './answer-sockets.ts';
import type { SendableBody } from './held-body.ts';

/** Derived: two SYNs that are lost, 1 s and 2 s later. */
const connectTimeoutMs = 5000;
/** Of an answer's head, all its headers together. Derived: four times what a request's may have. */
const largestHeadBytes = 64 * 1024;

const connectPlainly = buildConnector({ timeout: connectTimeoutMs });
const connect: buildConnector.connector = (options, callback) => {
  connectPlainly(options, (...result) => {
    if (result[1]) readAnswersWhole(result[1]);
    callback(...result);
  });
};

/** One request to an endpoint, as its bytes go out. */
export interface EndpointRequest extends Omit<Dispatcher.DispatchOptions, 'body' | 'headers'> {
  readonly body: SendableBody['body'];
  /** Name, value, name, value …, this request's own. */
  readonly headers: string[];
}

/** One set of connections per endpoint, as many as it has requests in flight. */
export class Upstreams {
  readonly #connections = new Map<Endpoint, Connections>();
  readonly #endpointsKey: () => string | undefined;

  /** @param endpointsKey the bearer key that goes with each request; undefined where the endpoints need none */
  constructor(endpointsKey: () => string | undefined) {
    this.#endpointsKey = endpointsKey;
  }

  added(endpoint: Endpoint): void {
    // An exchange times its own phases; the client library's timeouts would end streams that are well.
    const options = { headersTimeout: 0, bodyTimeout: 0, connect, maxHeaderSize: largestHeadBytes };
    this.#connections.set(endpoint, new Connections(endpoint.origin, options));
  }

  /** What is in flight there goes on to its end. */
  removed(endpoint: Endpoint): void {
    void this.#connections.get(endpoint)?.close();
    this.#connections.delete(endpoint);
  }

  /** Sends the request; everything that becomes of it is told to `handler`. */
  dispatch(endpoint: Endpoint, request: EndpointRequest, handler: Dispatcher.DispatchHandler): void {
    const connections = this.#connections.get(endpoint);
    const key = this.#endpointsKey();
    if (key !== undefined) request.headers.push('authorization', `Bearer ${key}`);
    // Its types lack iterables, which it takes: https://undici.nodejs.org/#/docs/api/Dispatcher.md
    if (connections) connections.dispatch(request as Dispatcher.DispatchOptions, handler);
    else handler.onError?.(new Error('the endpoint has left the pool'));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connections) => connections.destroy()));
  }
}
