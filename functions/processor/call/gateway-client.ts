import { Agent, type ClientRequest } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import got, { type RequestError } from 'got';
import type { HeaderMap } from '../../../shared/inference-gateway/request-headers.ts';
import { maxMessageBytes } from '../../../shared/pubsub/outgoing-message.ts';
import { type CallEnd, readAnswer } from './answer.ts';

/** One call of the gateway as it goes out. */
export interface GatewayCall {
  readonly url: string;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  /** For the whole call, above 0. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Makes one call. Every way it can end is a value: it never rejects. */
export type CallGateway = (call: GatewayCall) => Promise<CallEnd>;

const connectTimeoutMs = 10_000;
// Below the 5 s after which many servers close an idle connection: a request must not meet that close.
const idleSocketMs = 4000;
// What got merges and watches for each call is a tenth of what a message costs: times, aborts and the body's length are kept here.
const client = got.extend({
  agent: {
    http: new Agent({ keepAlive: true, timeout: idleSocketMs }),
    https: new TlsAgent({ keepAlive: true, timeout: idleSocketMs }),
  },
  retry: { limit: 0 },
  followRedirect: false,
  throwHttpErrors: false,
  decompress: false,
});

/** Calls over HTTP, never repeated and never redirected. */
export const callGateway: CallGateway = ({ url, headers, body, timeoutMs, signal }) => {
  if (signal.aborted) return Promise.resolve({ end: 'aborted' });
  const { promise, resolve } = Promise.withResolvers<CallEnd>();
  const stream = client.stream.post(url, { headers: { ...headers, 'content-length': String(body.length) } });
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let answer: { readonly status: number; readonly headers: HeaderMap } | undefined;
  let connection: Connection | undefined;

  const settle = (end: CallEnd): void => {
    clearTimeout(timer);
    connection?.release();
    signal.removeEventListener('abort', abort);
    resolve(end);
    stream.destroy();
  };
  const fail = (message: string): void => {
    settle({ end: connection?.isEstablished || answer ? 'broken' : 'unreachable', message });
  };
  const abort = (): void => settle({ end: 'aborted' });
  const timer = setTimeout(() => fail(`no whole answer within ${Math.round(timeoutMs)} ms`), timeoutMs);
  signal.addEventListener('abort', abort);

  stream.on('request', (request) => {
    connection = new Connection(request, () => fail(`no connection within ${connectTimeoutMs} ms`));
    request.once('upgrade', (_response: unknown, socket: Socket) => {
      socket.destroy();
      fail('the gateway switched protocols');
    });
  });
  stream.on('response', (response) => {
    answer = { status: response.statusCode, headers: flatten(response.headers) };
  });
  stream.on('data', (chunk: Uint8Array) => {
    sizeBytes += chunk.length;
    chunks.push(chunk);
    // What is longer than a message can be in no result.
    if (answer && sizeBytes > maxMessageBytes) settle({ end: 'too-large', ...answer });
  });
  stream.on('end', () => {
    if (!answer) return;
    const { status, headers } = answer;
    settle({ end: 'answer', answer: readAnswer(status, headers, Buffer.concat(chunks, sizeBytes)) });
  });
  // Also after the end: a stream that was given up still emits errors.
  stream.on('error', ({ message, code }: RequestError) => fail(code ? `${code}: ${message}` : message));
  stream.on('close', () => fail('the gateway closed the connection without an answer'));
  stream.end(body);
  return promise;
};

/** Whether a request has got a connection that could carry it, and that it gets one in time. */
class Connection {
  isEstablished = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: ClientRequest, onTimeout: () => void) {
    request.once('socket', (socket) => {
      if (request.reusedSocket) {
        this.isEstablished = true;
        return;
      }
      this.#timer = setTimeout(onTimeout, connectTimeoutMs);
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
        this.isEstablished = true;
        this.release();
      });
    });
  }

  release(): void {
    clearTimeout(this.#timer);
  }
}

function flatten(headers: NodeJS.Dict<string | string[]>): HeaderMap {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
