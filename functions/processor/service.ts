import { setTimeout as pause } from 'node:timers/promises';
import { monotonicClock } from '../../shared/runtime/clock.ts';
import type { Values } from '../../shared/runtime/config/read-config.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { Credential } from './call/credential.ts';
import type { functionSchema } from './config.ts';
import { Admission } from './dispatch/admission.ts';
import { BreakerBoard } from './dispatch/breaker-board.ts';
import type { PushGuard } from './fronts/push/push-guard.ts';
import { createPushServer } from './fronts/push/push-handler.ts';
import { createAdminServer, createMainServer, listen } from './fronts/push/server.ts';
import { Metrics } from './observe/metrics.ts';
import { unreadiness } from './observe/readiness.ts';
import { Reports } from './observe/reports.ts';
import type { Spans } from './observe/spans.ts';
import { startupWait } from './observe/startup.ts';
import { createPools } from './pools.ts';
import { Outbox } from './results/outbox.ts';
import type { Publisher } from './results/publisher.ts';
import { RunningDeliveries } from './running-deliveries.ts';
import type { Policies } from './subscription-policies.ts';
import { systemClock as clock } from './system-clock.ts';

export interface ServiceDependencies {
  readonly config: Values<typeof functionSchema>;
  readonly policies: Policies;
  readonly publisher: Publisher;
  readonly credential: Credential;
  /** Undefined where everyone may push. */
  readonly guard: PushGuard | undefined;
  readonly spans: Spans;
  readonly log: Logger;
}

export interface FunctionService {
  /** Where pushes go. */
  readonly url: string;
  /** Takes nothing more, gives what runs `graceMs` to finish, gives the rest back to Pub/Sub, and closes. */
  drain(graceMs: number): Promise<void>;
}

const maxWaitingBytes = 256 * 1024 * 1024;
/** For a status to reach Pub/Sub. */
const lastWordMs = 500;
/** One failed publish says enough: it was tried for seconds. */
const failedPublishesToPause = 1;

/** Joins the parts, and listens. */
export async function startService(dependencies: ServiceDependencies): Promise<FunctionService> {
  const { config, policies, publisher, credential, guard, spans, log } = dependencies;
  let draining = false;
  const isDraining = (): boolean => draining;

  const pools = createPools(policies, config, clock, {
    onReading: (pool, answers) => {
      reports.capacityRead(pool, answers);
      admission.review();
    },
    onBreaker: (pool, path, open) => reports.breakerChanged(pool.name, path, open),
  });
  const metrics = new Metrics(pools.all);
  for (const policy of policies.all) {
    for (const scope of policy.allowedEndpoints) metrics.breakerOpen.set({ pool: pools.of(policy).name, scope }, 0);
  }
  const reports = new Reports(metrics, log, config.projectId);
  const topics = new BreakerBoard(failedPublishesToPause, (topic, open) => {
    reports.breakerChanged('', topic, open);
    admission.review();
  });
  const admission = new Admission({
    clock,
    topics,
    maxWaiting: config.maxWaiting,
    maxWaitingBytes,
    onVerdict: (pool, verdict) => metrics.verdict(pool, verdict),
  });
  const outbox = new Outbox(publisher, topics, clock, admission.review);
  const running = new RunningDeliveries();
  const pushes = createPushServer(running, reports, {
    clock,
    admission,
    outbox,
    reports,
    policies,
    poolOf: pools.of,
    credential,
    spans,
    settings: config,
  });

  const service = {
    pushes,
    guard,
    reports,
    registry: metrics.registry,
    unreadiness: unreadiness({ pools: pools.all, topics, isDraining }),
    isDraining,
    startup: startupWait({ gatewayUrls: pools.all.map(({ gatewayUrl }) => gatewayUrl), clock: monotonicClock }),
  };
  const main = createMainServer(service, config.adminPort === undefined);
  const admin = config.adminPort === undefined ? undefined : createAdminServer(service);
  if (admin && config.adminPort !== undefined) {
    const adminUrl = await listen(admin, config.adminPort, config.host);
    log.info({ event: 'admin', url: adminUrl }, `health and metrics at ${adminUrl}`);
  }
  const url = await listen(main, config.port, config.host);
  // What has no data is said at once, and the first message finds the load known.
  for (const { capacity } of pools.all) capacity.look();
  return {
    url,
    drain: async (graceMs) => {
      draining = true;
      admission.close();
      await Promise.race([running.ended(), pause(graceMs)]);
      running.stopAll();
      await Promise.race([running.ended(), pause(lastWordMs)]);
      admin?.close();
      await Promise.race([new Promise((closed) => main.close(closed)), pause(lastWordMs)]);
      await Promise.race([spans.close().catch(() => undefined), pause(lastWordMs)]);
    },
  };
}
