import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { admit } from '../decisions/admit.ts';
import type { ApiKey } from '../decisions/api-keys.ts';
import type { Objectives } from '../decisions/objectives.ts';
import { type Refusal, refusal, unknownRoute } from '../decisions/refusals.ts';
import type { KeyRing } from '../state/key-ring.ts';
import type { Pool } from '../state/pool.ts';
import { Exchange, type ExchangeServices } from './exchange.ts';
import { writeRefusal } from './write-refusal.ts';

export const inferencePaths = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/responses'];

declare module 'fastify' {
  interface FastifyRequest {
    /** By which the client was let in; undefined where no keys are configured. */
    apiKey: ApiKey | undefined;
  }
}

export interface InferenceServices {
  readonly pool: Pool;
  readonly objectives: () => Objectives;
  readonly defaultObjective: string;
  /** Undefined where no keys are configured. */
  readonly keys: () => KeyRing | undefined;
  readonly isDraining: () => boolean;
  readonly exchange: ExchangeServices;
  readonly onTurnedAway: (refused: Refusal) => void;
}

const noBody = Buffer.alloc(0);
const shuttingDown = refusal('shutting_down', 'the gateway is shutting down');

/** `/v1/…`: what clients use. Admission happens here; an exchange does the rest. */
export function inferenceRoutes(app: FastifyInstance, services: InferenceServices): void {
  const { pool } = services;
  const turnAway = (request: FastifyRequest, reply: FastifyReply, refused: Refusal): void => {
    reply.hijack();
    services.onTurnedAway(refused);
    writeRefusal(reply.raw, request.id, refused, services.isDraining());
  };

  app.decorateRequest('apiKey', undefined);
  // Before the body is read: who may not ask sends none.
  app.addHook('onRequest', (request, reply, done) => {
    const keys = services.keys();
    const key = keys?.find(request.headers.authorization);
    if (keys && !key) {
      return turnAway(request, reply, refusal('invalid_api_key', 'the API key is missing or not known'));
    }
    request.apiKey = key;
    done();
  });

  for (const path of inferencePaths) {
    app.post(path, (request, reply) => {
      if (services.isDraining()) return turnAway(request, reply, shuttingDown);
      const admission = admit({
        headers: request.headers,
        body: request.body instanceof Buffer ? request.body : noBody,
        key: request.apiKey,
        objectives: services.objectives(),
        defaultObjective: services.defaultObjective,
        pool,
      });
      if ('code' in admission) return turnAway(request, reply, admission);
      reply.hijack();
      const admitted = {
        ...admission,
        id: request.id,
        target: targetOf(request.raw.url ?? path),
        rawHeaders: request.raw.rawHeaders,
        body: request.body as Buffer,
      };
      new Exchange(services.exchange, admitted, reply.raw).begin();
    });
  }

  // Who has no key learns of no path either.
  app.all('/v1/*', {
    onRequest: (request, reply) => turnAway(request, reply, unknownRoute(request.method, request.url)),
    handler: () => undefined,
  });

  app.get('/v1/models', (request, reply) => {
    if (pool.usable.length === 0) {
      return turnAway(request, reply, refusal('no_endpoints', 'no endpoint can be asked just now'));
    }
    return reply.send({ object: 'list', data: [...pool.models.values()] });
  });
}

/** Path and query, also of a request that names its target as a proxy's client does. Source: RFC 9112 §3.2.2. */
function targetOf(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
}
