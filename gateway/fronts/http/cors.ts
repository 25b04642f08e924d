import type { FastifyInstance } from 'fastify';
import {
  droppedReasonHeader,
  requestIdHeader,
  servedEndpointHeader,
} from '../../../shared/inference-gateway/header-names.ts';

const exposed = [requestIdHeader, servedEndpointHeader, droppedReasonHeader, 'retry-after'].join(', ');
/**
 * How long a browser remembers that it may ask. Derived: far below what browsers take, two hours at the least; a changed `CORS_ORIGINS`
 * holds soon.
 */
const rememberedSeconds = 600;
/** Preflights name headers; this many characters of them are answered. Derived: clients send a few dozen names of some twenty characters. */
const mostHeaderNames = 2000;

/**
 * Lets pages of these origins call the gateway; `*` is every origin. The answers' headers are set on Node's own response, because exchanges
 * and refusals go past the framework. Source: https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  const isForAll = origins.includes('*');
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers;
    if (origin === undefined) return done();
    const { raw } = reply;
    const isAllowed = isForAll || origins.includes(origin);
    if (!isForAll) raw.setHeader('vary', 'Origin');
    if (isAllowed) {
      raw.setHeader('access-control-allow-origin', isForAll ? '*' : origin);
      raw.setHeader('access-control-expose-headers', exposed);
    }
    // An endpoint has rules of its own for origins: it is not to see this one.
    const { rawHeaders } = request.raw;
    request.raw.rawHeaders = rawHeaders.filter((_, at) => rawHeaders[at - (at % 2)]?.toLowerCase() !== 'origin');
    const asked = request.headers['access-control-request-method'];
    if (request.method !== 'OPTIONS' || asked === undefined) return done();
    if (isAllowed) {
      raw.setHeader('access-control-allow-methods', 'GET, POST, DELETE');
      raw.setHeader('access-control-max-age', String(rememberedSeconds));
      const names = request.headers['access-control-request-headers'];
      if (names !== undefined) raw.setHeader('access-control-allow-headers', names.slice(0, mostHeaderNames));
    }
    reply.hijack();
    raw.writeHead(204, { [requestIdHeader]: request.id }).end();
  });
}
