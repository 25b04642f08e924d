import type { ServerHttp2Stream } from 'node:http2';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { GrpcFault, GrpcMessages, type GrpcMessagesOptions, grpcStatus } from './grpc-messages.ts';
import { WireFault } from './protobuf.ts';

/** Hears what comes on a stream. */
export interface GrpcHandler {
  message(bytes: Buffer): void;
  /** The peer will send no more. */
  halfClosed(): void;
  /** The stream is gone, however it ended. Once, and nothing after it. */
  closed(): void;
}

/** What a call works with. */
export interface GrpcStreamOptions extends GrpcMessagesOptions {
  readonly log: Logger;
}

const ignore = (): void => {};
const resetByPeer = new Error('the peer reset the call');

/**
 * Proxies end every call by a reset. Node makes an error of each, with a stack that is written out; nothing reads it here, and it takes a
 * twentieth of all that a request costs. One that is there already is given out in its place.
 */
function quietenResets(stream: ServerHttp2Stream): void {
  const destroy = stream._destroy;
  stream._destroy = (error, done) => destroy.call(stream, error ?? (stream.rstCode === 0 ? null : resetByPeer), done);
}

/**
 * One call of a gRPC method. Whatever goes wrong in it ends this call, with a status, and nothing else. A peer that does not read is
 * not read from either, so that what is held for it stays bounded.
 */
export class GrpcStream {
  readonly #stream: ServerHttp2Stream;
  readonly #options: GrpcStreamOptions;
  readonly #messages: GrpcMessages;
  #onDrain: (() => void) | undefined;
  #status: number = grpcStatus.ok;
  #statusText = '';
  #ended = false;

  constructor(stream: ServerHttp2Stream, options: GrpcStreamOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#messages = new GrpcMessages(options);
  }

  /** Once, before anything can come. */
  hear(handler: GrpcHandler): void {
    const stream = this.#stream;
    const take = (message: Buffer): void => {
      if (!this.#ended) handler.message(message);
    };
    stream.on('data', (chunk: Buffer) => this.guarded(() => this.#messages.push(chunk, take)));
    stream.on('end', () => this.guarded(() => handler.halfClosed()));
    stream.on('drain', () => this.#drained());
    quietenResets(stream);
    // A reset by the peer; `close` follows.
    stream.on('error', ignore);
    stream.once('close', () => {
      this.#ended = true;
      this.#onDrain = undefined;
      this.#messages.close();
      this.guarded(() => handler.closed());
      // V8's short collections take what native code holds for alive, as Node does each stream: until a full one, all of the call would be, too.
      stream.removeAllListeners();
    });
  }

  /**
   * Sends bytes that are one message or more. False where the peer does not read as fast: then nothing more is heard of it before it does,
   * and `onDrain` is called.
   */
  write(messages: Buffer, onDrain?: () => void): boolean {
    const stream = this.#stream;
    if (this.#ended || stream.destroyed) return true;
    this.#respond();
    if (stream.write(messages)) return true;
    this.#onDrain = onDrain;
    stream.pause();
    return false;
  }

  /** Ends the call, well unless a status says otherwise. Only the first call counts. */
  end(status: number = grpcStatus.ok, text = ''): void {
    const stream = this.#stream;
    if (this.#ended || stream.destroyed) return;
    this.#ended = true;
    this.#status = status;
    this.#statusText = text;
    this.#respond();
    stream.end();
    // What still comes is thrown away; unread, it would hold the stream open.
    stream.resume();
  }

  #respond(): void {
    const stream = this.#stream;
    if (stream.headersSent) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => {
      if (stream.destroyed) return;
      stream.sendTrailers({
        'grpc-status': `${this.#status}`,
        ...(this.#statusText === '' ? {} : { 'grpc-message': encodeURIComponent(this.#statusText) }),
      });
    });
  }

  #drained(): void {
    const onDrain = this.#onDrain;
    this.#onDrain = undefined;
    this.guarded(() => onDrain?.());
    if (!this.#onDrain) this.#stream.resume();
  }

  /** Runs a task of this call: what it throws ends the call. */
  guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      const isPeers = error instanceof WireFault || error instanceof GrpcFault;
      if (isPeers) this.#options.log.warn({ fault: error.message }, 'a call of the endpoint picker was no valid gRPC');
      else this.#options.log.error({ error }, 'a call of the endpoint picker met an error of the gateway');
      this.end(
        error instanceof GrpcFault ? error.status : grpcStatus.internal,
        isPeers ? error.message : 'internal error',
      );
    }
  }
}
