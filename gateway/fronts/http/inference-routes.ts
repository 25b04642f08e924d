import type { ServerResponse } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ApiRoute, everyApiRoute } from '../../../shared/openai/api-routes.ts';
import { admit } from '../../admit/admit.ts';
import type { ApiKey } from '../../admit/api-keys.ts';
import type { BytesPerToken } from '../../admit/bytes-per-token.ts';
import { type ModelNames, withModel } from '../../admit/model-names.ts';
import { forItsClass, type ObjectiveRules } from '../../admit/refusal-for-class.ts';
import type { DrainPhase } from '../../drain-phase.ts';
import type { Pool } from '../../endpoint/pool.ts';
import { shuttingDown, unknownApiKey, unknownRoute } from '../../refusal.ts';
import { asyncApiRoutes } from './async-api.ts';
import type { BodyReader } from './body-reader.ts';
import { BodyTexts } from './body-texts.ts';
import type { AdmittedRequest } from './exchange.ts';
import type { HeldBody } from './held-body.ts';
import type { KeyRing } from './key-ring.ts';
import { modelRoutes, type TurnAway } from './model-routes.ts';
import type { Rejected } from './rejected-request.ts';
import { writeRefusal } from './write-refusal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** By which the client was let in; undefined where no keys are configured. */
    apiKey: ApiKey | undefined;
  }
}

/** What decides whether a client is let in, and with which rights. */
export interface Admitting extends ObjectiveRules {
  /** Undefined where no keys are configured. */
  readonly keys: () => KeyRing | undefined;
  /** Other names for models. */
  readonly models: () => ModelNames;
}

/** What the inference routes need. */
export interface InferenceServices extends Admitting {
  readonly pool: Pool;
  readonly bytesPerToken: Pick<BytesPerToken, 'estimate'>;
  readonly drainPhase: () => DrainPhase;
  /** A request came in; until its answer is closed it is open. */
  readonly opened: (res: ServerResponse) => void;
  /** Answers the request from the pool. */
  readonly begin: (res: ServerResponse, request: AdmittedRequest) => void;
  readonly bodies: BodyReader;
  /** Told of a request that got no further than here, and why. */
  readonly onRejected: (request: FastifyRequest, rejected: Rejected) => void;
  /** Base URL of the async API; undefined where there is none. */
  readonly asyncApiUrl: string | undefined;
}

const clientGone: Rejected = { code: 'client_gone', status: 0 };

/** The inference routes and `/v1/…`: what clients use. Admission happens here; an exchange does the rest. */
export function inferenceRoutes(app: FastifyInstance, services: InferenceServices): void {
  const { pool } = services;
  const turnAway: TurnAway = (request, reply, refused) => {
    reply.hijack();
    services.onRejected(request, refused);
    writeRefusal(reply.raw, request.id, refused, services.drainPhase() !== 'none');
  };

  app.decorateRequest('apiKey', undefined);
  // Before the body is read: a client without a valid key need not send it.
  app.addHook('onRequest', (request, reply, done) => {
    const keys = services.keys();
    const key = keys?.of(request.headers);
    if (keys && !key) {
      return turnAway(request, reply, unknownApiKey);
    }
    request.apiKey = key;
    done();
  });

  /** A connection that closed while its body came in says so no more. */
  const isGone = (request: FastifyRequest, { raw }: FastifyReply): boolean => {
    if (raw.destroyed) services.onRejected(request, clientGone);
    return raw.destroyed;
  };

  const texts = new BodyTexts();
  const take = (route: ApiRoute, request: FastifyRequest, reply: FastifyReply, held: HeldBody, text?: string): void => {
    const { headers, apiKey: key } = request;
    if (isGone(request, reply)) return;
    const { defaultObjective, trustedSpelling, bytesPerToken } = services;
    const admission =
      services.drainPhase() === 'ending'
        ? shuttingDown
        : admit({
            route,
            headers,
            body: held.bytes,
            text,
            key,
            objectives: services.objectives(),
            defaultObjective,
            trustedSpelling,
            pool,
            bytesPerToken,
            names: services.models(),
            random: Math.random,
          });
    if ('code' in admission) {
      turnAway(request, reply, admission);
      return;
    }
    if (admission.askedModel !== undefined) held.replace(withModel(held.bytes, admission.model));
    services.begin(reply.raw, {
      ...admission,
      id: request.id,
      target: targetOf(request.raw.url ?? ''),
      rawHeaders: request.raw.rawHeaders,
      body: held,
    });
  };

  // A request that comes in time is served, however long its body takes.
  const takesIn = (request: FastifyRequest, reply: FastifyReply): boolean => {
    const phase = services.drainPhase();
    if (phase === 'refusing' || phase === 'ending') {
      turnAway(request, reply, shuttingDown);
      return false;
    }
    services.opened(reply.raw);
    return true;
  };

  // Past the framework's own reading of bodies, which takes as long as all that is done with one here.
  const receive = (route: ApiRoute, request: FastifyRequest, reply: FastifyReply): void => {
    if (!takesIn(request, reply)) return;
    reply.hijack();
    const guarded = (task: () => void): void => {
      try {
        task();
      } catch (error) {
        app.errorHandler(error as FastifyError, request, reply);
      }
    };
    services.bodies.read(request.raw, {
      taken: (body) => {
        reply.raw.on('close', () => body.release());
        const isOver = (): boolean => reply.raw.destroyed;
        texts.read(body, isOver, (text) => guarded(() => take(route, request, reply, body, text)));
      },
      refused: (refused) => turnAway(request, reply, forItsClass(refused, request.headers, services)),
      gone: () => services.onRejected(request, clientGone),
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

  modelRoutes(app, { pool, names: services.models, turnAway });
  if (services.asyncApiUrl !== undefined) asyncApiRoutes(app, { baseUrl: services.asyncApiUrl, turnAway, takesIn });
}

/** Path and query, also of a request that names its target as a proxy's client does; a fragment is for no server. Source: RFC 9112 §3.2. */
function targetOf(url: string): string {
  const target = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return target.split('#', 1)[0] ?? '';
}
