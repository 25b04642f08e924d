import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerOptions,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { grpcStatus } from './grpc-messages.ts';
import { type GrpcHandler, GrpcStream, type GrpcStreamOptions } from './grpc-stream.ts';

/** Begins a call of one method. */
export type GrpcMethod = (stream: GrpcStream) => GrpcHandler;

/** What a server serves, and how. */
export interface GrpcServerOptions extends GrpcStreamOptions {
  /** By path: `/package.Service/Method`. */
  readonly methods: Readonly<Record<string, GrpcMethod>>;
  /** Key and certificate; undefined serves without encryption. */
  readonly tls?: Pick<TlsOptions, 'key' | 'cert'> | undefined;
}

/**
 * A proxy resets every stream that is done, each with its own request. Node's own bounds (1,000 at once, 33 a second) would close its
 * connection; a proxy that may connect is trusted with the requests themselves. Derived: more than a connection sees in its life.
 */
const unboundedResets = { streamResetBurst: 1e9, streamResetRate: 1e9 };
/** Of one stream: a piece of a body may come at once, and what a peer can make us hold unread stays small. Derived: four of Envoy's largest pieces. */
const streamWindowBytes = 256 * 1024;
/** Of one connection, which carries the streams of a whole proxy thread. Derived: sixty-four streams' windows. */
const connectionWindowBytes = 16 * 1024 * 1024;
/** Requests that run through one connection of a proxy. Derived: as many as files that a process usually may have open. */
const mostStreams = 20_000;
/** In megabytes. Node refuses streams of a connection that holds more, and counts what it has yet to send: its default is 10. Derived: bodies are bounded elsewhere, so this bound is never to be the first. */
const mostSessionMegabytes = 1024;
/** Until a silent connection is asked whether its peer lives. Derived: load balancers forget connections after a minute or more. */
const keepAliveMs = 30_000;
/** Of a GOAWAY that announces the end and refuses nothing yet. Source: RFC 9113 §6.8. */
const everyStream = 2 ** 31 - 1;

/** gRPC over HTTP/2: connections, calls, and their end. */
export class GrpcServer {
  readonly #server: Http2Server | Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor({ methods, tls, ...streamOptions }: GrpcServerOptions) {
    const options: ServerOptions = {
      ...unboundedResets,
      maxSessionMemory: mostSessionMegabytes,
      settings: { initialWindowSize: streamWindowBytes, maxConcurrentStreams: mostStreams },
    };
    this.#server = tls ? createSecureServer({ ...options, ...tls }) : createServer(options);
    this.#server.on('connection', (socket: Socket) => socket.setNoDelay(true).setKeepAlive(true, keepAliveMs));
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(connectionWindowBytes);
      session.once('close', () => this.#sessions.delete(session));
      // A connection that breaks takes its streams along, and each of them is told.
      session.on('error', () => {});
    });
    this.#server.on('sessionError', () => {});
    this.#server.on('stream', (stream, headers) => {
      const call = new GrpcStream(stream, streamOptions);
      const method = methods[headers[':path'] ?? ''];
      call.hear(method ? method(call) : deaf);
      if (!method) call.end(grpcStatus.unimplemented, 'there is no such method here');
    });
  }

  /** Resolves to the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((listening, failed) => {
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => {
        this.#server.off('error', failed);
        listening();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Asks every peer to take its further calls elsewhere; those that come all the same are served. */
  sendAway(): void {
    for (const session of this.#sessions) if (!session.destroyed) session.goaway(0, everyStream);
  }

  /** Takes no more calls, and cuts what still runs. */
  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    for (const session of this.#sessions) session.destroy();
    await closed;
  }
}

const deaf: GrpcHandler = { message: () => {}, halfClosed: () => {}, closed: () => {} };
