import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { requestIdHeader } from '../../shared/failures/header-names.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import { type Refusal, refusal, refusalBody } from '../decisions/refusals.ts';
import { readRequestId } from '../decisions/request-head.ts';
import { writeRefusal } from './write-refusal.ts';

/** A request that is not complete by then is cut off: a slow sender holds memory. */
const requestTimeoutMs = 60_000;
/** Longer than the load balancers in front keep a connection, so that they close it and not the gateway. */
const keepAliveTimeoutMs = 620_000;

/** A fastify application that answers every error in OpenAI's shape, and every request with its id. */
export function createHttpApp(
  log: Logger,
  maxBodyBytes: number,
  onTurnedAway: (refused: Refusal) => void,
): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestIdHeader: false,
    genReqId: ({ headers }) => readRequestId(headers) ?? randomUUID(),
    exposeHeadRoutes: false,
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      if (socket.writable && (error as { code?: string }).code !== 'ECONNRESET') socket.write(malformedAnswer(error));
      socket.destroySoon();
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(requestIdHeader, request.id);
    done();
  });
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    const refused = refusal('unknown_route', `there is no ${request.method} ${request.url.split('?')[0]} here`);
    if (request.url.startsWith('/v1/')) onTurnedAway(refused);
    writeRefusal(reply.raw, request.id, refused);
  });
  app.setErrorHandler((error, request, reply) => {
    reply.hijack();
    const refused = describeError(error, maxBodyBytes);
    if (refused.status === 500) log.error({ error, requestId: request.id }, 'a request met an error of the gateway');
    if (request.url.startsWith('/v1/')) onTurnedAway(refused);
    writeRefusal(reply.raw, request.id, refused);
  });
  return app;
}

/** Errors of the framework itself, before a route has the request. */
function describeError(error: unknown, maxBodyBytes: number): Refusal {
  const { statusCode, message } = error as { statusCode?: number; message: string };
  if (statusCode === 413) return refusal('request_too_large', `the body is larger than ${maxBodyBytes} bytes`);
  if (statusCode !== undefined && statusCode < 500) return refusal('invalid_request', message);
  return refusal('internal_error', 'the gateway met an error of its own');
}

/** What cannot be read as HTTP has no request to answer: the answer is written by hand. */
function malformedAnswer(error: Error): string {
  const timedOut = (error as { code?: string }).code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const refused = timedOut
    ? refusal('request_timeout', 'the request did not arrive in time')
    : refusal('invalid_request', 'this is no valid HTTP request');
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
