import { type ApiRoute, apiRoutes, everyApiRoute } from '../../../shared/openai/api-routes.ts';
import { type Admission, type AdmissionRefusal, admit, type ServingPool } from '../../admit/admit.ts';
import type { ApiKey } from '../../admit/api-keys.ts';
import type { BytesPerToken } from '../../admit/bytes-per-token.ts';
import { type ModelNames, modelListPath, withNames } from '../../admit/model-names.ts';
import type { Headers } from '../../admit/request-head.ts';
import type { Endpoint } from '../../endpoint/endpoint.ts';
import type { Pool } from '../../endpoint/pool.ts';
import { type Refusal, refusal, unknownRoute } from '../../refusal.ts';
import type { Admitting } from '../http/inference-routes.ts';

/**
 * What is asked: an inference route, which its body tells where the proxy does not say the path; something that any endpoint may answer; or
 * nothing that is served.
 */
export type Asked = { readonly route: ApiRoute | undefined } | 'anything' | Refusal;

const onlyReads: ReadonlySet<unknown> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What a request asks for, by its method and path. */
export function askedOf(headers: Headers): Asked {
  const { ':method': method, ':path': target } = headers;
  if (method === undefined && target === undefined) return { route: undefined };
  if (onlyReads.has(method)) return 'anything';
  const path = pathOf(headers);
  const route = everyApiRoute.find((each) => each.path === path);
  return route && method === 'POST' ? { route } : unknownRoute(`${method}`, `${target}`);
}

/** The route of a body that is sent without a path, by the key under which it has its prompt; chats where it has none. */
export function impliedRoute(body: Buffer): ApiRoute {
  const implied = everyApiRoute.find(({ impliedByKey }) => impliedByKey && body.includes(`"${impliedByKey}"`));
  return implied ?? apiRoutes.chatCompletions;
}

/** `host:port` of the pool's endpoints that the proxy lets choose from; undefined where it lets choose any. */
export function subsetOf(
  hint: readonly string[] | undefined,
  pool: Pick<Pool, 'endpoints'>,
): ReadonlySet<string> | undefined {
  if (!hint) return undefined;
  const named = new Set(hint);
  const isNamed = ({ host }: Endpoint): boolean => named.has(host) || named.has(host.replace(/:\d+$/, ''));
  return new Set(pool.endpoints.filter(isNamed).map(({ host }) => host));
}

/** A request that a proxy asks about, whole. */
export interface ProxiedArrival {
  readonly route: ApiRoute;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly text: string | undefined;
  readonly key: ApiKey | undefined;
  readonly subset: ReadonlySet<string> | undefined;
}

/** What admission goes by. */
export interface PickerAdmitting extends Admitting {
  readonly random: () => number;
  readonly pool: Pool;
  readonly bytesPerToken: Pick<BytesPerToken, 'estimate'>;
}

/** Admits as over HTTP, to the endpoints of its subset. */
export function admitProxied(arrival: ProxiedArrival, admitting: PickerAdmitting): Admission | AdmissionRefusal {
  const { subset } = arrival;
  const { defaultObjective, trustedSpelling, pool, bytesPerToken } = admitting;
  const admission = admit({
    ...arrival,
    objectives: admitting.objectives(),
    defaultObjective,
    trustedSpelling,
    pool: subset ? within(pool, subset) : pool,
    bytesPerToken,
    names: admitting.models(),
    random: admitting.random,
  });
  return 'code' in admission ? admission : { ...admission, subset };
}

function within(pool: Pool, subset: ReadonlySet<string>): ServingPool {
  return {
    anyUsable: pool.usable.some(({ host }) => subset.has(host)),
    canServe: ({ model }) => pool.canServe({ model, subset }),
    knowsNothingOf: (model) => pool.knowsNothingOf(model),
    contextTokens: (model) => pool.contextTokens(model),
  };
}

/** For what any endpoint may answer, where none can. */
export const noneUsable = refusal('no_endpoints', 'no endpoint can take a request just now');

/** For a request that any endpoint may answer, and that takes no place: the one with the least to do; undefined where none is usable. */
export function leastLoaded(pool: Pick<Pool, 'usable'>, subset: ReadonlySet<string> | undefined): Endpoint | undefined {
  const among = pool.usable.filter(({ host }) => subset?.has(host) ?? true);
  return among.sort((a, b) => a.load - b.load)[0];
}

/** Path of a request for the pool's state. Protocol: contract §6. */
export const capacityPath = '/capacity';

/**
 * The models as a JSON text, for a path that lists them or asks for one by another name: no endpoint knows those names. Undefined for
 * anything else, which an endpoint answers.
 */
export function listedModels(path: string, pool: Pick<Pool, 'models'>, names: ModelNames): string | undefined {
  if (names.size === 0) return undefined;
  const models = withNames(pool.models, names);
  if (path === modelListPath) return JSON.stringify({ object: 'list', data: [...models.values()] });
  const id = path.startsWith(`${modelListPath}/`) ? decoded(path.slice(modelListPath.length + 1)) : undefined;
  return id !== undefined && names.has(id) && models.has(id) ? JSON.stringify(models.get(id)) : undefined;
}

/** Without its query; empty where the proxy does not say it. */
export function pathOf({ ':path': target = '' }: Headers): string {
  return `${target}`.split('?', 1)[0] ?? '';
}

function decoded(id: string): string | undefined {
  try {
    return decodeURIComponent(id);
  } catch {
    return undefined;
  }
}
