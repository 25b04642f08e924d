import { afterAll } from 'vitest';
import { parseObjectiveList } from '../../gateway/admit/objectives.ts';
import type { DrainPhase } from '../../gateway/drain-phase.ts';
import { nothingHeld } from '../../gateway/endpoint/in-flight.ts';
import { ExtProcFront, type ExtProcFrontOptions } from '../../gateway/fronts/ext-proc/ext-proc-front.ts';
import { BodyReader } from '../../gateway/fronts/http/body-reader.ts';
import { BodyBudget } from '../../gateway/fronts/http/held-body.ts';
import { capacityReport } from '../../gateway/observe/operator-routes.ts';
import type { Rejection } from '../../gateway/rejection.ts';
import type { Ending } from '../../gateway/routed-request.ts';
import { Router, type RouterOptions } from '../../gateway/router.ts';
import { monotonicClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { connectProxy, ProcessCall } from './picking-proxy.ts';
import { until } from './poll.ts';

export interface PickerWorldOptions extends Partial<ExtProcFrontOptions> {
  readonly hosts?: readonly string[];
  readonly router?: never;
  readonly routing?: Partial<RouterOptions>;
  readonly maxBufferedBytes?: number;
}

export const [hostA, hostB, hostC] = ['10.0.0.1:8000', '10.0.0.2:8000', '10.0.0.3:8000'] as const;
const fronts: ExtProcFront[] = [];
afterAll(() => Promise.all(fronts.map((front) => front.close())));

function objectivesOf(list: string) {
  const parsed = parseObjectiveList(list);
  if ('fault' in parsed) throw new Error(parsed.fault);
  return parsed.value;
}

/** A picker on loopback, before endpoints that are only named, and the proxy's side of it. */
export async function pickerWorld({
  hosts = [hostA, hostB],
  routing,
  maxBufferedBytes = 1e9,
  ...options
}: PickerWorldOptions = {}) {
  const router = new Router({
    clock: monotonicClock,
    policy: 'least-request',
    random: () => 0.99,
    holdsQueue: true,
    staleAfterMs: 1e9,
    maxQueued: 10,
    queueTimeoutMs: 60_000,
    sheddableWaitMs: 60_000,
    ...routing,
  });
  router.pool.replace(hosts.map((host) => ({ url: `http://${host}`, labels: {} })));
  const endings: Ending[] = [];
  router.subscribe({ ended: (_, ending) => endings.push(ending) });
  const rejections: Rejection[] = [];
  const drain = { phase: 'none' as DrainPhase };
  const maxBodyBytes = options.maxBodyBytes ?? 33_554_432;
  const budget = new BodyBudget(maxBufferedBytes);
  const front = new ExtProcFront({
    router,
    admitting: {
      objectives: () => objectivesOf('interactive=100,standard=0,sheddable=-1'),
      defaultObjective: 'standard',
      trustedSpelling: 'both',
      keys: () => undefined,
      models: () => new Map(),
    },
    timeouts: { ttftTimeoutMs: 60_000, idleTimeoutMs: 60_000 },
    bodies: new BodyReader({ mostBytes: maxBodyBytes, budget }),
    budget,
    maxBodyBytes,
    endpointsKey: () => undefined,
    capacity: () => capacityReport({ router, objectives: () => objectivesOf('standard=0') }),
    tls: 'off',
    waitMs: 60_000,
    observedShare: 1,
    fallbacks: 0,
    drainPhase: () => drain.phase,
    onRejected: (rejection) => rejections.push(rejection),
    log: createLogger('silent', 'test'),
    ...options,
  });
  fronts.push(front);
  const { port, healthPort } = await front.listen('127.0.0.1', 0, 0);
  const url = `${options.tls === 'self-signed' ? 'https' : 'http'}://127.0.0.1:${port}`;
  const session = connectProxy(url);
  const call = (): ProcessCall => new ProcessCall(session);
  const endpoint = (host: string) => router.pool.endpoints.find((each) => each.host === host)!;
  /** Endpoint runs one of `own` and has the others in its queue: what comes then waits. */
  const fill = (host: string, own: number): void => {
    for (let reading = 0; reading < 2; reading += 1) {
      endpoint(host).recordLoad({ running: 1, waiting: own - 1, kvCacheUtilization: 0 });
    }
  };
  /** Nothing of a request is left. */
  const atRest = () =>
    until(
      () =>
        front.open === 0 &&
        budget.heldBytes === 0 &&
        [...router.requests].length === 0 &&
        router.pool.endpoints.every(({ work }) => JSON.stringify([work.realtime, work.sheddable]) === allNothing),
      { what: 'all requests to have left' },
    );
  return {
    router,
    front,
    budget,
    session,
    call,
    endings,
    rejections,
    drain,
    endpoint,
    fill,
    atRest,
    url,
    port,
    healthPort,
  };
}

const allNothing = JSON.stringify([nothingHeld, nothingHeld]);
