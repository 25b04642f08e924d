import type { ClientRequest } from 'node:http';
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { TLSSocket } from 'node:tls';
import got, { type RequestError } from 'got';
import type { CallEnd } from '../decisions/answer.ts';
import { maxMessageBytes } from '../decisions/outgoing-message.ts';
import type { Headers } from '../decisions/request-headers.ts';

export interface Call {
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** For the whole call, above 0. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const connectTimeoutMs = 10_000;
// Below the 5 s after which many servers close an idle connection: a request must not meet that close.
const idleSocketMs = 4000;
const agents = {
  http: new Agent({ keepAlive: true, timeout: idleSocketMs }),
  https: new TlsAgent({ keepAlive: true, timeout: idleSocketMs }),
};

/** One call of the gateway, never repeated and never redirected. Every way it can end is a value. */
export async function callGateway({ url, headers, body, timeoutMs, signal }: Call): Promise<CallEnd> {
  const stream = got.stream.post(url, {
    headers,
    body,
    agent: agents,
    signal,
    timeout: {
      request: timeoutMs,
      lookup: connectTimeoutMs,
      connect: connectTimeoutMs,
      secureConnect: connectTimeoutMs,
    },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
  });
  let isConnected = (): boolean => false;
  let answer: { status: number; headers: Headers } | undefined;
  stream.on('request', (request) => {
    isConnected = watchConnection(request);
  });
  stream.on('response', (response) => {
    answer = { status: response.statusCode, headers: flatten(response.headers) };
  });
  try {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of stream) {
      sizeBytes += chunk.length;
      // What is longer than a message can be in no result.
      if (sizeBytes > maxMessageBytes) break;
      chunks.push(chunk);
    }
    if (!answer) return { end: 'broken', message: 'the gateway closed the connection without an answer' };
    if (sizeBytes > maxMessageBytes) return { end: 'too-large', ...answer };
    return { end: 'answer', answer: { ...answer, body: Buffer.concat(chunks, sizeBytes) } };
  } catch (error) {
    if (signal.aborted) return { end: 'aborted' };
    const { message, code } = error as RequestError;
    return { end: isConnected() || answer ? 'broken' : 'unreachable', message: code ? `${code}: ${message}` : message };
  } finally {
    stream.destroy();
  }
}

/** Tells whether the request has got a connection that could carry it. */
function watchConnection(request: ClientRequest): () => boolean {
  let connected = false;
  request.once('socket', (socket) => {
    const established = (): void => {
      connected = true;
    };
    if (request.reusedSocket) established();
    else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', established);
  });
  return () => connected;
}

function flatten(headers: NodeJS.Dict<string | string[]>): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
