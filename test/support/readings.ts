import { candidateOf } from '../../gateway/choose/candidate.ts';
import { preferred } from '../../gateway/choose/filters/preference.ts';
import type { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import type { Pool } from '../../gateway/endpoint/pool.ts';
import { type RequestWish, routingRequestOf } from './routing-requests.ts';

const wishes: readonly RequestWish[] = [
  { promptTokens: 1 },
  { promptTokens: 3000, promptBlocks: Uint32Array.from({ length: 20 }, (_, index) => index + 1) },
];

/** What every getter of the endpoint and its parts tells at this moment, and what a request would meet there. */
export function readingsOfEndpoint(endpoint: Endpoint, nowMs: number) {
  const { limiter, health, work, latency, gaps, prefixes } = endpoint;
  return {
    endpoint: gettersOf(endpoint),
    limiter: gettersOf(limiter),
    roomInMs: [limiter.roomInMs('realtime'), limiter.roomInMs('sheddable')],
    health: gettersOf(health),
    work: gettersOf(work),
    latency: gettersOf(latency),
    prefixes: gettersOf(prefixes),
    tpotMs: gaps.tpotMs(nowMs),
    met: wishes.map((wish) => {
      const { features, prediction, match, ...rest } = candidateOf(endpoint, routingRequestOf(wish));
      return { features, prediction, match, load: rest.load, prefixShare: rest.prefixShare };
    }),
  };
}

/** The same of every endpoint of the pool, and of the pool itself. */
export function readingsOfPool(pool: Pool, nowMs: number) {
  const { endpoints, usable, ...own } = gettersOf(pool);
  return {
    pool: own,
    usable: pool.usable.map(({ host }) => host),
    servers: pool.servers({ model: 'm' }, pool.endpoints[0]).map(({ host }) => host),
    preferred: [true, false].map((mayProbe) => preferred(pool.usable, 'm', mayProbe).map(({ host }) => host)),
    answers: [pool.canServe({ model: 'm' }), pool.knowsNothingOf('m'), pool.contextTokens('m')],
    endpoints: Object.fromEntries(pool.endpoints.map((each) => [each.host, readingsOfEndpoint(each, nowMs)])),
  };
}

/** Copied, since some of the values live on. */
function gettersOf(object: object): Record<string, unknown> {
  const descriptors = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object)));
  return Object.fromEntries(
    descriptors.filter(([, { get }]) => get).map(([name]) => [name, copyOf(Reflect.get(object, name))]),
  );
}

function copyOf(value: unknown): unknown {
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? { ...value } : value;
}
