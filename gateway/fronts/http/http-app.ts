import { randomUUID } from 'node:crypto';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { requestIdHeader } from '../../../shared/inference-gateway/header-names.ts';
import { isApiUrl } from '../../../shared/openai/api-routes.ts';
import { monotonicClock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { readRequestId } from '../../admit/request-head.ts';
import { type Refusal, refusal, refusalBody, unknownRoute } from '../../refusal.ts';
import { allowOrigins } from './cors.ts';
import { writeRefusal } from './write-refusal.ts';

/** How long connections may take and be kept, in milliseconds. */
export interface ConnectionTimeouts {
  /** A request that is not complete this long after its first byte, or after the connection, is cut off: a slow sender holds memory. */
  readonly requestMs: number;
  /** How often that is looked for. */
  readonly checkEveryMs: number;
  /** Between two requests: longer than the load balancers in front keep a connection, so that they close it and not the gateway. */
  readonly keepAliveMs: number;
}

/** Derived: Node's own 300 s would hold a body five times as long; 620 s are more than the 600 s of Google's load balancers. */
const usualTimeouts: ConnectionTimeouts = { requestMs: 60_000, checkEveryMs: 5000, keepAliveMs: 620_000 };
/** Of a request's head, all its headers together. Protocol: Node's own default, and what proxies take. */
const largestHeadBytes = 16 * 1024;

/** What an application is made from. */
export interface HttpAppOptions {
  readonly log: Logger;
  /** Told of a request of the API that got no further than to this application, and why. */
  readonly onRejected?: (request: FastifyRequest, refused: Refusal) => void;
  /** Answers end their connections. */
  readonly isDraining?: () => boolean;
  /** Whose pages may call; none where it is undefined. */
  readonly corsOrigins?: readonly string[] | undefined;
  readonly timeouts?: ConnectionTimeouts;
}

/** A fastify application that answers every error in OpenAI's shape, and every request with its id. */
export function createHttpApp({
  log,
  onRejected = () => {},
  isDraining = () => false,
  corsOrigins,
  timeouts: { requestMs, checkEveryMs, keepAliveMs } = usualTimeouts,
}: HttpAppOptions): FastifyInstance {
  const answerError = (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    const refused = describeError(error);
    if (refused.status === 500) log.error({ error, requestId: request.id }, 'a request met an error of the gateway');
    if (isApiUrl(request.url)) onRejected(request, refused);
    writeRefusal(reply.raw, request.id, refused, isDraining());
  };
  const app = fastify({
    logger: false,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    http: {
      headersTimeout: requestMs,
      connectionsCheckingInterval: checkEveryMs,
      maxHeaderSize: largestHeadBytes,
      requireHostHeader: false,
    },
    requestIdHeader: false,
    genReqId: ({ headers }) => readRequestId(headers) ?? randomUUID(),
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: (error, socket) => {
      const { code } = error as { code?: string };
      if (socket.writable && code !== 'ECONNRESET' && !isAnswering(socket)) socket.write(malformedAnswer(code));
      socket.destroySoon();
    },
  });
  // Others than 100-continue may be ignored: RFC 9110 §10.1.1.
  app.server.on('checkExpectation', (request, answer) => app.routing(request, answer));
  // A route that wants the body reads it itself.
  app.removeAllContentTypeParsers();
  app.decorateRequest('arrivedAtMs', 0);
  app.addHook('onRequest', (request, reply, done) => {
    request.arrivedAtMs = monotonicClock.nowMs();
    const { headers, httpVersion } = request.raw;
    // Node's own answer to this has no id and no body. Source: RFC 9112 §3.2.
    if (headers.host === undefined && httpVersion === '1.1') {
      reply.hijack();
      writeRefusal(reply.raw, request.id, refusal('invalid_request', 'the request has no host header'));
      return;
    }
    // The framework would refuse a media type that it cannot read, also of a body that no route reads.
    headers['content-type'] = undefined;
    done();
  });
  if (corsOrigins) allowOrigins(app, corsOrigins);
  // Answers of exchanges and refusals bring it themselves: they go past the framework.
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.header(requestIdHeader, request.id);
    if (isDraining()) reply.header('connection', 'close');
    done();
  });
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    const refused = unknownRoute(request.method, request.url);
    if (isApiUrl(request.url)) onRejected(request, refused);
    writeRefusal(reply.raw, request.id, refused, isDraining());
  });
  app.setErrorHandler(answerError);
  return app;
}

/** Errors of the framework itself, before a route has the request. */
function describeError(error: unknown): Refusal {
  const { statusCode, message } = error as { statusCode?: number; message: string };
  if (statusCode !== undefined && statusCode < 500) return refusal('invalid_request', message);
  return refusal('internal_error', 'the gateway met an error of its own');
}

/** Bytes of an answer are on this connection already: another in between would be taken for its body. */
function isAnswering(socket: Duplex): boolean {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage?.headersSent === true;
}

const unreadable: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: refusal('request_timeout', 'the request did not arrive in time'),
  HPE_HEADER_OVERFLOW: refusal('invalid_request', `the request's head is larger than ${largestHeadBytes} bytes`),
};

/** What cannot be read as HTTP has no request to answer: the answer is written by hand. */
function malformedAnswer(errorCode = ''): string {
  const refused = unreadable[errorCode] ?? refusal('invalid_request', 'this is no valid HTTP request');
  const body = JSON.stringify(refusalBody(refused));
  return [
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `${requestIdHeader}: ${randomUUID()}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
