import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ModelNames, modelListPath, withNames } from '../../admit/model-names.ts';
import type { Pool } from '../../endpoint/pool.ts';
import { type Refusal, refusal, unknownRoute } from '../../refusal.ts';

/** Answers a request of the API with the refusal. */
export type TurnAway = (request: FastifyRequest, reply: FastifyReply, refused: Refusal) => void;

/** What the routes answer from. */
export interface ModelServices {
  readonly pool: Pool;
  /** Other names for models, which are listed like models. */
  readonly names: () => ModelNames;
  readonly turnAway: TurnAway;
}

/** `GET /v1/models` and `GET /v1/models/{id}`: what the usable endpoints serve. */
export function modelRoutes(app: FastifyInstance, { pool, names, turnAway }: ModelServices): void {
  const noEndpoints = refusal('no_endpoints', 'no endpoint can be asked just now');

  app.get(modelListPath, (request, reply) => {
    if (!pool.anyUsable) return turnAway(request, reply, noEndpoints);
    return reply.send({ object: 'list', data: [...withNames(pool.models, names()).values()] });
  });

  app.get(`${modelListPath}/*`, (request, reply) => {
    const id = idIn(request.url);
    if (id === '') return turnAway(request, reply, unknownRoute(request.method, request.url));
    const models = withNames(pool.models, names());
    if (models.has(id)) return reply.send(models.get(id));
    if (!pool.anyUsable || !pool.knowsNothingOf(id) || names().has(id)) return turnAway(request, reply, noEndpoints);
    turnAway(
      request,
      reply,
      refusal('model_not_found', `the model ${JSON.stringify(id.slice(0, 256))} does not exist`),
    );
  });
}

/** The name behind the list's path, whose slashes may stand as they are or escaped. The framework refuses what cannot be decoded. */
function idIn(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  return decodeURIComponent(path.slice(path.indexOf(`${modelListPath}/`) + modelListPath.length + 1));
}
