import type { Attempt } from '../../gateway/endpoint/attempt.ts';
import type { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import type { Refusal } from '../../gateway/refusal.ts';
import type { Front, RoutedRequest } from '../../gateway/routed-request.ts';
import { Router, type RouterOptions } from '../../gateway/router.ts';
import { createManualClock } from './manual-clock.ts';
import { type RequestWish, routingRequestOf } from './routing-requests.ts';

/** A request that was submitted, and the hands of its front. */
export class SubmittedRequest implements Front {
  readonly attempts: Attempt[] = [];
  readonly #name: string;
  readonly #log: string[];
  readonly #onDispatch: ((attempt: Attempt) => void) | undefined;
  /** Set once `submit` has returned. */
  routed: RoutedRequest | undefined;

  constructor(name: string, log: string[], onDispatch?: (attempt: Attempt) => void) {
    this.#name = name;
    this.#log = log;
    this.#onDispatch = onDispatch;
  }

  /** The one that was made last. */
  get attempt(): Attempt {
    const attempt = this.attempts.at(-1);
    if (!attempt) throw new Error(`${this.#name} was not dispatched`);
    return attempt;
  }

  /** A whole answer comes from its endpoint. */
  serve(nowMs: number): void {
    this.attempt.firstByte(200, 0, nowMs);
    this.attempt.end('complete', nowMs);
  }

  dispatch(attempt: Attempt): void {
    this.attempts.push(attempt);
    this.#log.push(`${this.#name} dispatched to ${nameOf(attempt.endpoint)}`);
    this.#onDispatch?.(attempt);
  }

  stop({ status, code }: Refusal): void {
    this.#log.push(`${this.#name} stopped: ${status} ${code}`);
  }
}

export interface RouterWorldOptions extends Partial<RouterOptions> {
  /** Endpoints `http://a:1`, `http://b:1`, … */
  readonly endpoints?: string;
}

/** A router before endpoints that do what the test says, and a log of all that it tells fronts and listeners. */
export function routerWorld({ endpoints = 'a', ...options }: RouterWorldOptions = {}) {
  const clock = createManualClock(0);
  const router = new Router({
    clock,
    random: () => 0.99,
    policy: 'least-request',
    holdsQueue: true,
    staleAfterMs: 1e9,
    maxQueued: 1000,
    queueTimeoutMs: 60_000,
    sheddableWaitMs: 60_000,
    ...options,
  });
  const replace = (names: string) =>
    router.pool.replace([...names].map((name) => ({ url: `http://${name}:1`, labels: {} })));
  const log: string[] = [];
  router.pool.subscribe({
    added: (endpoint) => {
      const { health } = endpoint;
      const recordEnd = health.recordEnd.bind(health);
      health.recordEnd = (verdict) => {
        log.push(`attempt at ${nameOf(endpoint)} ended: ${verdict}`);
        recordEnd(verdict);
      };
    },
  });
  router.subscribe({
    chosen: ({ request, winner }) => log.push(`${request.id} chosen for ${nameOf(winner.endpoint)}`),
    ended: ({ request }, { outcome, status }) => log.push(`${request.id} ended: ${outcome} ${status}`),
  });
  replace(endpoints);
  const endpoint = (name: string): Endpoint => router.pool.endpoints.find((each) => nameOf(each) === name)!;
  const submit = (id: string, wish: RequestWish = {}, onDispatch?: (attempt: Attempt) => void): SubmittedRequest => {
    const front = new SubmittedRequest(id, log, onDispatch);
    front.routed = router.submit(routingRequestOf({ id, ...wish }), front);
    return front;
  };
  const read = (name: string, running: number, waiting: number): void => {
    endpoint(name).recordLoad({ running, waiting, kvCacheUtilization: 0 });
    router.pump();
  };
  return { clock, router, log, endpoint, submit, read, replace };
}

export type RouterWorld = ReturnType<typeof routerWorld>;

export function nameOf({ host }: Endpoint): string {
  return host.split(':')[0]!;
}

/** Endpoint a runs one request and has another one in its own queue: what comes then waits. */
export async function fullWorld(options: RouterWorldOptions = {}, priority = 0) {
  const world = routerWorld(options);
  const [first, second] = [world.submit('first', { priority }), world.submit('second', { priority })];
  await world.clock.advance(60);
  for (let reading = 0; reading < 2; reading += 1) world.read('a', 1, 1);
  world.log.length = 0;
  return { ...world, first, second };
}
