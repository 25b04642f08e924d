import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { CapacityReport } from '../../shared/inference-gateway/capacity-report.ts';
import { monotonicClock } from '../../shared/runtime/clock.ts';
import type { Objectives } from '../admit/objectives.ts';
import type { PolicyName } from '../choose/policies/policies.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { Router } from '../router.ts';
import type { Metrics } from './metrics.ts';
import { queueState } from './queue-state.ts';
import { type RecentChoices, rounded } from './recent-choices.ts';

/** What operators' routes read. */
export interface OperatorServices {
  readonly poolName: string;
  readonly policy: PolicyName;
  readonly router: Router;
  readonly choices: RecentChoices;
  readonly objectives: () => Objectives;
  readonly metrics: Metrics;
  readonly isDraining: () => boolean;
}

/** `/capacity`, for the async path and for operators. */
export function capacityRoute(app: FastifyInstance, services: OperatorServices): void {
  app.get('/capacity', () => capacityReport(services));
}

/** `GET /healthz` and `GET /readyz`. Protocol: contract §6. */
export function healthRoutes(app: FastifyInstance, { router: { pool }, isDraining }: OperatorServices): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  // What load balancers ask where no health check is configured.
  app.get('/', () => ({ status: 'ok' }));
  const unauthorized = () =>
    pool.endpoints.flatMap(({ host, authorized }) =>
      authorized ? [] : [`endpoint ${host} answers 401 (ENDPOINTS_API_KEY_FILE)`],
    );
  app.get('/readyz', (_request, reply) => {
    const reasons = [
      ...(isDraining() ? ['draining'] : []),
      ...(pool.anyUsable ? [] : ['no usable endpoint', ...unauthorized()]),
    ];
    if (reasons.length > 0) return reply.code(503).send({ status: 'not ready', reasons });
    return reply.send({ status: 'ready' });
  });
}

/** What tells about the pool and is not for clients. */
export function operatorRoutes(app: FastifyInstance, services: OperatorServices): void {
  const { registry } = services.metrics;
  // The build puts it beside the bundle.
  const dashboard = readFileSync(new URL('./dashboard.html', import.meta.url), 'utf8');
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await pageOf(registry)));
  app.get('/dashboard', (_request, reply) => reply.type('text/html; charset=utf-8').send(dashboard));
  app.get('/debug/state', () => ({
    pool: services.poolName,
    policy: services.policy,
    draining: services.isDraining(),
    capacity: capacityReport(services),
    realtimeSaturation: rounded(services.router.pool.realtimeSaturation),
    objectives: [...services.objectives().values()],
    queue: queueState(services.router.requests, services.objectives(), monotonicClock.nowMs()),
    endpoints: services.router.pool.endpoints.map(describeEndpoint),
    /** The last choices of an endpoint, the newest first. */
    choices: services.choices.explained(),
  }));
}

/** Requests are served between one metric and the next: all in one turn would hold them up for as long as the page is written. */
async function pageOf(registry: Registry): Promise<string> {
  let page = '';
  for (const { name } of registry.getMetricsAsArray()) {
    page += `${withoutNothing(await registry.getSingleMetricAsString(name))}\n\n`;
    await nextTurn();
  }
  return page;
}

/**
 * Without the samples that have no value: the lag of the event loop is measured from one scrape to the next, and between two at once there is
 * none. The library writes `Nan`, which is no number of the format.
 */
function withoutNothing(metric: string): string {
  return metric.replace(/^.* Nan$\n?/gm, '');
}

/** How full the pool is, as `GET /capacity` tells it. */
export function capacityReport({
  router,
  objectives,
}: Pick<OperatorServices, 'router' | 'objectives'>): CapacityReport {
  const queued = Object.fromEntries([...objectives().values()].map(({ priority }) => [String(priority), 0]));
  for (const [priority, count] of router.queueLengths) queued[priority] = count;
  const { pool } = router;
  const { usable } = pool;
  return {
    saturation: rounded(pool.saturation),
    readyEndpoints: usable.length,
    sheddable: {
      window: usable.reduce((sum, { sheddableWindow }) => sum + sheddableWindow, 0),
      inFlight: usable.reduce((sum, { work }) => sum + work.sheddable.inFlight, 0),
    },
    queued,
    realtime: { saturation: rounded(pool.realtimeSaturation), overBudget: pool.realtimeOverBudget },
    asOf: new Date().toISOString(),
  };
}

function describeEndpoint(endpoint: Endpoint) {
  const { host, url, labels, usable, condition, health, models } = endpoint;
  const { reading, load, saturation, sheddableWindow, work, latency, limiter } = endpoint;
  return {
    host,
    url,
    labels,
    usable,
    condition,
    /** Null unless it is ejected. */
    ejectedFor: health.ejection?.reason ?? null,
    models: models ? [...models.keys()] : null,
    /** Null without a fresh reading of its metrics. */
    engine: reading
      ? { running: reading.running, waiting: reading.waiting, kvCacheUtilization: reading.kvCacheUtilization }
      : null,
    load,
    latencyModel: { trusted: latency.trusted, samples: latency.samples, ttftError: latency.ttftError },
    saturation: rounded(saturation),
    sheddableWindow,
    sheddableAllowance: limiter.sloBudgetFactor,
    realtime: work.realtime,
    sheddable: work.sheddable,
  };
}
