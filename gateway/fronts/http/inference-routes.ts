import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ApiRoute, everyApiRoute } from '../../../shared/openai/api-routes.ts';
import { decodeUtf8 } from '../../../shared/runtime/utf8.ts';
import { admit } from '../../admit/admit.ts';
import type { ApiKey } from '../../admit/api-keys.ts';
import type { BytesPerToken } from '../../admit/bytes-per-token.ts';
import { type ModelNames, withModel } from '../../admit/model-names.ts';
import type { Objectives } from '../../admit/objectives.ts';
import { readRequestHead, type Spelling } from '../../admit/request-head.ts';
import type { DrainPhase } from '../../drain-phase.ts';
import type { Pool } from '../../endpoint/pool.ts';
import { type Refusal, refusal, unknownRoute } from '../../refusal.ts';
import { workClassOf } from '../../work-class.ts';
import { asyncApiRoutes } from './async-api.ts';
import type { BodyReader } from './body-reader.ts';
import type { AdmittedRequest } from './exchange.ts';
import type { HeldBody } from './held-body.ts';
import type { KeyRing } from './key-ring.ts';
import { modelRoutes, type TurnAway } from './model-routes.ts';
import { OneAtATime } from './one-at-a-time.ts';
import type { Rejected } from './rejected-request.ts';
import { writeRefusal } from './write-refusal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** By which the client was let in; undefined where no keys are configured. */
    apiKey: ApiKey | undefined;
  }
}

/** What decides whether a client is let in, and with which rights. */
export interface Admitting {
  readonly objectives: () => Objectives;
  readonly defaultObjective: string;
  /** Of the headers that say what a request is. */
  readonly trustedSpelling: Spelling;
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

/**
 * A larger body is read in several turns of the event loop: others are served in between. Measured: parsing a body of this size takes 1.4
 * ms, and 3.3 ms where it is a list of token ids.
 */
const readAtOnceBytes = 1024 * 1024;
const clientGone: Rejected = { code: 'client_gone', status: 0 };
const shuttingDown = refusal('shutting_down', 'the gateway is shutting down');

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
      return turnAway(request, reply, refusal('invalid_api_key', 'the API key is missing or not known'));
    }
    request.apiKey = key;
    done();
  });

  /** A connection that closed while its body came in says so no more. */
  const isGone = (request: FastifyRequest, { raw }: FastifyReply): boolean => {
    if (raw.destroyed) services.onRejected(request, clientGone);
    return raw.destroyed;
  };

  /** Sheddable work is told of full buffers as of any want of room. Protocol: contract §6. */
  const forItsClass = ({ headers }: FastifyRequest, refused: Refusal): Refusal => {
    if (refused.code !== 'buffers_full') return refused;
    const { objectiveName } = readRequestHead(headers, services.trustedSpelling);
    const objective = services.objectives().get(objectiveName ?? services.defaultObjective);
    return objective && workClassOf(objective.priority) === 'sheddable' ? { ...refused, status: 429 } : refused;
  };

  const largeBodies = new OneAtATime();
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
        if (body.sizeBytes <= readAtOnceBytes) return guarded(() => take(route, request, reply, body));
        largeBodies.add(async () => {
          // Putting it together was the turn before; decoding and parsing have one each.
          await nextTurn();
          if (isGone(request, reply)) return;
          const text = decodeUtf8(body.bytes);
          await nextTurn();
          if (!isGone(request, reply)) guarded(() => take(route, request, reply, body, text));
        });
      },
      refused: (refused) => turnAway(request, reply, forItsClass(request, refused)),
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
