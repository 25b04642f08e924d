import type { Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher } from 'undici';

/**
 * For a connection to be made, TLS included, in milliseconds. Derived: two SYNs that are lost, 1 s and 2 s later, and a TLS handshake; far
 * below the 60 s for which proxies wait.
 */
export const connectTimeoutMs = 10_000;
/** Below the 5 s after which many servers close an idle connection: a request must not meet that close. Derived from Node's own `keepAliveTimeout`. */
const idleSocketMs = 4000;

/** What undici's types leave out: the socket is there before it is connected. */
type Connect = (...args: Parameters<buildConnector.connector>) => Socket;
const connect = buildConnector({ timeout: connectTimeoutMs }) as unknown as Connect;

/** A connection to a gateway, for one call at a time. It is made with the first call, and again where it has ended meanwhile. */
export class GatewayConnection {
  readonly #client: Client;
  #socket: Socket | undefined;
  #calls = 0;
  #readBefore = 0;
  #isEstablished = false;
  #isBroken = false;

  constructor(origin: string, onDisconnect: () => void) {
    this.#client = new Client(origin, {
      connect: (options, callback) => this.#connect(options, callback),
      // A call times itself.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: idleSocketMs,
      keepAliveMaxTimeout: idleSocketMs,
    });
    this.#client.on('disconnect', onDisconnect);
  }

  /** Whether it could carry the call. */
  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  /** Whether it has carried another call before this one, and has brought nothing since: its server may have closed it just then. */
  get isStale(): boolean {
    return this.#calls > 1 && this.#socket?.bytesRead === this.#readBefore;
  }

  /** Whether it was cut. What an answer without a length brought until then may not be all of it. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Whether all of the request has left: behind what has not, another would have to wait. */
  get hasSent(): boolean {
    return this.#socket?.writableLength === 0;
  }

  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#calls += 1;
    this.#readBefore = this.#socket?.bytesRead ?? 0;
    this.#client.dispatch(request, handler);
  }

  destroy(): void {
    this.#socket?.destroy();
    void this.#client.destroy().catch(() => undefined);
  }

  #connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    this.#isEstablished = false;
    this.#isBroken = false;
    const socket = connect(options, (...[error, connected]: Parameters<buildConnector.Callback>) => {
      this.#isEstablished = error === null;
      this.#calls = 1;
      this.#readBefore = socket.bytesRead;
      // Before the client hears of it, which takes a connection that is cut for one that has ended.
      socket.on('error', () => {
        this.#isBroken = true;
      });
      if (error) callback(error, null);
      else callback(null, connected as Socket);
    });
    this.#socket = socket;
  }
}

/** The connections that wait for their next call. */
export class GatewayConnections {
  readonly #idle = new Map<string, GatewayConnection[]>();

  /** One that waits, the last one first, else a new one. */
  take(origin: string): GatewayConnection {
    return this.#idle.get(origin)?.pop() ?? this.create(origin);
  }

  /** One that has carried nothing yet. */
  create(origin: string): GatewayConnection {
    const connection: GatewayConnection = new GatewayConnection(origin, () => this.#forget(origin, connection));
    return connection;
  }

  /** The connection's call has ended, and another may follow. */
  giveBack(origin: string, connection: GatewayConnection): void {
    const idle = this.#idle.get(origin) ?? [];
    this.#idle.set(origin, idle);
    idle.push(connection);
  }

  #forget(origin: string, connection: GatewayConnection): void {
    const idle = this.#idle.get(origin) ?? [];
    const index = idle.indexOf(connection);
    if (index < 0) return;
    idle.splice(index, 1);
    connection.destroy();
  }
}
