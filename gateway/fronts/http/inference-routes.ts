import type { ServerResponse } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ApiRoute, everyApiRoute } from '../../../shared/openai/api-routes.ts';
import { admit } from '../../admit/admit.ts';
import type { ApiKey } from '../../admit/api-keys.ts';
import type { BytesPerToken } from '../../admit/bytes-per-token.ts';
import type { Objectives } from '../../admit/objectives.ts';
import type { DrainPhase } from '../../drain-phase.ts';
import type { Pool } from '../../endpoint/pool.ts';
import { type FailureCode, type Refusal, refusal, unknownRoute } from '../../refusal.ts';
import type { BodyReader } from './body-reader.ts';
import type { AdmittedRequest } from './exchange.ts';
import type { KeyRing } from './key-ring.ts';
import { writeRefusal } from './write-refusal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** By which the client was let in; undefined where no keys are configured. */
    apiKey: ApiKey | undefined;
  }
}

/** What decides who is let in, and as what. */
export interface Admitting {
  readonly objectives: () => Objectives;
  readonly defaultObjective: string;
  /** Undefined where no keys are configured. */
  readonly keys: () => KeyRing | undefined;
}

export interface InferenceServices extends Admitting {
  readonly pool: Pool;
  readonly bytesPerToken: Pick<BytesPerToken, 'estimate'>;
  readonly drainPhase: () => DrainPhase;
  /** A request came in; until its answer is closed it is open. */
  readonly opened: (res: ServerResponse) => void;
  /** Answers the request from the pool. */
  readonly begin: (res: ServerResponse, request: AdmittedRequest) => void;
  readonly bodies: BodyReader;
  /** Told why a request got no further than here. */
  readonly onRejected: (why: FailureCode) => void;
}

const shuttingDown = refusal('shutting_down', 'the gateway is shutting down');

/** `/v1/…`: what clients use. Admission happens here; an exchange does the rest. */
export function inferenceRoutes(app: FastifyInstance, services: InferenceServices): void {
  const { pool } = services;
  const turnAway = (request: FastifyRequest, reply: FastifyReply, refused: Refusal): void => {
    reply.hijack();
    services.onRejected(refused.code);
    writeRefusal(reply.raw, request.id, refused, services.drainPhase() !== 'none');
  };

  app.decorateRequest('apiKey', undefined);
  // Before the body is read: a client without a valid key need not send it.
  app.addHook('onRequest', (request, reply, done) => {
    const keys = services.keys();
    const key = keys?.find(request.headers.authorization);
    if (keys && !key) {
      return turnAway(request, reply, refusal('invalid_api_key', 'the API key is missing or not known'));
    }
    request.apiKey = key;
    done();
  });

  const take = (route: ApiRoute, request: FastifyRequest, reply: FastifyReply, body: Buffer): void => {
    const { headers, apiKey: key } = request;
    const { defaultObjective, bytesPerToken } = services;
    const admission =
      services.drainPhase() === 'ending'
        ? shuttingDown
        : admit({
            route,
            headers,
            body,
            key,
            objectives: services.objectives(),
            defaultObjective,
            pool,
            bytesPerToken,
          });
    if ('code' in admission) {
      turnAway(request, reply, admission);
      return;
    }
    // A connection that closed while its body came in says so no more.
    if (reply.raw.destroyed) {
      services.onRejected('client_gone');
      return;
    }
    services.begin(reply.raw, {
      ...admission,
      id: request.id,
      target: targetOf(request.raw.url ?? ''),
      rawHeaders: request.raw.rawHeaders,
      body,
    });
  };

  // Past the framework's own reading of bodies, which takes as long as all that is done with one here.
  const receive = (route: ApiRoute, request: FastifyRequest, reply: FastifyReply): void => {
    // One that comes in time is served, however long its body takes.
    const phase = services.drainPhase();
    if (phase === 'refusing' || phase === 'ending') {
      turnAway(request, reply, shuttingDown);
      return;
    }
    reply.hijack();
    services.opened(reply.raw);
    services.bodies.read(request.raw, {
      taken: (body) => {
        try {
          take(route, request, reply, body);
        } catch (error) {
          app.errorHandler(error as FastifyError, request, reply);
        }
      },
      refused: (refused) => turnAway(request, reply, refused),
      gone: () => services.onRejected('client_gone'),
    });
  };
  const handler = (): void => undefined;
  for (const route of everyApiRoute) {
    app.post(route.path, { onRequest: (request, reply) => receive(route, request, reply), handler });
  }

  // Behind the check of the key: a client without one does not learn which paths exist.
  const isUnknown = (request: FastifyRequest, reply: FastifyReply): void => {
    turnAway(request, reply, unknownRoute(request.method, request.url));
  };
  app.all('/v1/*', { onRequest: isUnknown, handler });

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
