import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { HeaderMap } from '../../../shared/inference-gateway/request-headers.ts';
import { type CallEnd, readAnswer } from './answer.ts';
import { AnswerStream } from './answer-stream.ts';
import { connectTimeoutMs, type GatewayConnection, GatewayConnections } from './gateway-connection.ts';

/** Takes room for the bytes of an answer, until its delivery has ended. `onRoom` is called once there is some, now or later. */
export type HoldAnswer = (sizeBytes: number, onRoom: () => void) => void;

/** One call of the gateway as it goes out. */
export interface GatewayCall {
  readonly url: string;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  /** For the whole call, above 0. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** More of an answer is not read: it ends as `too-large`. */
  readonly maxAnswerBytes: number;
  readonly holdAnswer: HoldAnswer;
  /** Set where the answer was asked for as a stream: called for each token, or few of them, as it comes. The answer is whole all the same. */
  readonly onToken?: () => void;
}

/** Makes one call. Every way it can end is a value: it never rejects. */
export type CallGateway = (call: GatewayCall) => Promise<CallEnd>;

/**
 * An answer up to this size takes no room: as many as there are calls come to a few megabytes. Derived: 128 calls at once × 64 KiB × 2
 * copies = 16 MB.
 */
const smallAnswerBytes = 64 * 1024;
/**
 * To read a larger answer, and then to write its result, takes milliseconds each: in between other work has its turn. Measured: 1 to 2 ms
 * for a body of this size.
 */
const largeAnswerBytes = 256 * 1024;
/** The answer, and the result that is made from it. Derived: the result quotes the answer whole. */
const copies = 2;
const connections = new GatewayConnections();

/** Calls over HTTP, never redirected, and never repeated but on a connection that had ended before the request reached it. */
export const callGateway: CallGateway = (call) => {
  if (call.signal.aborted) return Promise.resolve({ end: 'aborted' });
  return new Promise((resolve) => new Exchange(call, resolve).begin());
};

/** A request and its answer. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #call: GatewayCall;
  readonly #origin: string;
  readonly #request: Dispatcher.DispatchOptions;
  readonly #resolve: (end: CallEnd) => void;
  readonly #timer: NodeJS.Timeout;
  #connection: GatewayConnection;
  #controller: Dispatcher.DispatchController | undefined;
  #answer: { readonly status: number; readonly headers: HeaderMap } | undefined;
  #stream: AnswerStream | undefined;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #holdsRoom = false;
  #isSettled = false;

  constructor(call: GatewayCall, resolve: (end: CallEnd) => void) {
    const { origin, pathname, search } = new URL(call.url);
    this.#call = call;
    this.#origin = origin;
    this.#request = { origin, path: `${pathname}${search}`, method: 'POST', headers: call.headers, body: call.body };
    this.#resolve = resolve;
    this.#connection = connections.take(origin);
    const timeoutMs = Math.round(call.timeoutMs);
    this.#timer = setTimeout(() => this.#fail(`no whole answer within ${timeoutMs} ms`), call.timeoutMs);
    call.signal.addEventListener('abort', this.#abort);
  }

  begin(): void {
    this.#connection.dispatch(this.#request, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isSettled) controller.abort(new Error('the call has ended'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // What comes before the answer: early hints.
    if (status < 200 || this.#isSettled) return;
    this.#answer = { status, headers: flatten(headers) };
    const { onToken, maxAnswerBytes } = this.#call;
    const isStream = status === 200 && /^text\/event-stream\b/i.test(this.#answer.headers['content-type'] ?? '');
    if (onToken && isStream) this.#stream = new AnswerStream(onToken);
    const length = Number(headers['content-length'] ?? maxAnswerBytes);
    if (length > maxAnswerBytes) this.#settle({ end: 'too-large', ...this.#answer });
    else if (length > smallAnswerBytes && headers['content-length'] !== undefined) this.#takeRoom(controller, length);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#isSettled || !this.#answer) return;
    if (this.#stream) {
      this.#stream.push(chunk);
      this.#sizeBytes = this.#stream.sizeBytes;
    } else {
      this.#sizeBytes += chunk.length;
      this.#chunks.push(chunk);
    }
    const { maxAnswerBytes } = this.#call;
    if (this.#sizeBytes > maxAnswerBytes) this.#settle({ end: 'too-large', ...this.#answer });
    else if (this.#sizeBytes > smallAnswerBytes) this.#takeRoom(controller, maxAnswerBytes);
  }

  onResponseEnd(): void {
    if (this.#isSettled || !this.#answer) return;
    if (this.#connection.isBroken) {
      this.#fail('ECONNRESET: the connection was cut in the answer');
      return;
    }
    const whole = this.#stream ? this.#joined(this.#stream) : { ...this.#answer, body: Buffer.concat(this.#chunks) };
    if (!whole) return;
    const answer = readAnswer(whole.status, whole.headers, whole.body);
    this.#controller = undefined;
    if (this.#sizeBytes <= largeAnswerBytes) this.#settle({ end: 'answer', answer });
    else setImmediate(() => this.#settle({ end: 'answer', answer }));
  }

  /** The answer of a stream that is over; undefined where it holds none, which ends the call. */
  #joined(stream: AnswerStream): { status: number; headers: HeaderMap; body: Uint8Array } | undefined {
    const end = stream.end();
    if ('fault' in end) {
      this.#settle({ end: end.fault === 'cut' ? 'broken' : 'unreadable', message: end.message });
      return undefined;
    }
    const { 'transfer-encoding': _, ...headers } = this.#answer!.headers;
    return { ...end, headers: { ...headers, 'content-type': 'application/json' } };
  }

  onResponseError(_: unknown, error: Error & { readonly code?: string }): void {
    if (this.#isSettled) return;
    if (this.#connection.isStale && !this.#answer) {
      this.#controller = undefined;
      this.#connection = connections.create(this.#origin);
      this.begin();
      return;
    }
    // Without files to open there is no telling what the gateway would have said.
    if (error.code === 'EMFILE' || error.code === 'ENFILE') this.#settle({ end: 'aborted' });
    else this.#fail(describe(error));
  }

  readonly #abort = (): void => this.#settle({ end: 'aborted' });

  #fail(message: string): void {
    const wasSent = this.#connection.isEstablished || this.#answer !== undefined;
    this.#settle({ end: wasSent ? 'broken' : 'unreachable', message });
  }

  /** Where there is no room yet, the gateway has to keep the rest of its answer until then. */
  #takeRoom(controller: Dispatcher.DispatchController, sizeBytes: number): void {
    if (this.#holdsRoom) return;
    this.#holdsRoom = true;
    let hasRoom = false;
    this.#call.holdAnswer(sizeBytes * copies, () => {
      hasRoom = true;
      if (controller.paused && !this.#isSettled) controller.resume();
    });
    if (!hasRoom) controller.pause();
  }

  #settle(end: CallEnd): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#call.signal.removeEventListener('abort', this.#abort);
    this.#chunks = [];
    this.#resolve(end);
    if (end.end === 'answer' && this.#connection.hasSent) {
      connections.giveBack(this.#origin, this.#connection);
      return;
    }
    this.#controller?.abort(new Error('the call has ended'));
    this.#connection.destroy();
  }
}

function describe({ name, message, code }: Error & { readonly code?: string }): string {
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return `no connection within ${connectTimeoutMs} ms`;
  if (message === 'bad upgrade') return 'the gateway switched protocols';
  const known = code ?? (name === 'HTTPParserError' ? 'HPE_INVALID' : undefined);
  return known === undefined ? message : `${known === 'UND_ERR_SOCKET' ? 'ECONNRESET' : known}: ${message}`;
}

function flatten(headers: IncomingHttpHeaders): HeaderMap {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
