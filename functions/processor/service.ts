import { setTimeout as pause } from 'node:timers/promises';
import { monotonicClock as clock, wallClock as wall } from '../../shared/runtime/clock.ts';
import { ConfigError, type Values } from '../../shared/runtime/config/read-config.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { mostClientConnections, openFilesLimit } from '../../shared/runtime/open-files.ts';
import { openStore } from '../../shared/store/open-store.ts';
import type { StorePlace } from '../../shared/store/place.ts';
import type { Store } from '../../shared/store/store.ts';
import { BufferedBytes } from './buffered-bytes.ts';
import type { CredentialOf } from './call/credential.ts';
import { callGateway } from './call/gateway-client.ts';
import { capacitySources } from './capacity/sources.ts';
import type { functionSchema } from './config.ts';
import type { PushGuard } from './fronts/push/push-guard.ts';
import { createPushServer } from './fronts/push/push-handler.ts';
import { PushRoom } from './fronts/push/push-room.ts';
import { createAdminServer, createMainServer, listen } from './fronts/push/server.ts';
import { FunctionMetrics } from './observe/metrics.ts';
import { unreadiness } from './observe/readiness.ts';
import { Reports } from './observe/reports.ts';
import { startupWait } from './observe/startup.ts';
import { createProcessor } from './processor.ts';
import { systemRandom } from './random.ts';
import type { Publish } from './results/publisher.ts';
import type { SubscriptionPolicies } from './subscription-policies.ts';
import type { Spans } from './tracing.ts';

/** What a service is made from. */
export interface ServiceDependencies {
  readonly config: Values<typeof functionSchema>;
  readonly policies: SubscriptionPolicies;
  readonly publish: Publish;
  readonly credentialOf: CredentialOf;
  /** Undefined where every push may pass. */
  readonly guard: PushGuard | undefined;
  readonly spans: Spans;
  readonly log: Logger;
}

/** A function that listens. */
export interface FunctionService {
  /** Where pushes go. */
  readonly url: string;
  /** Takes no more messages, gives what runs `graceMs` to finish, gives the rest back to Pub/Sub, and closes. */
  drain(graceMs: number): Promise<void>;
}

/**
 * A push of Pub/Sub's largest message takes 14 MB at most: what is a little longer is still answered as the message that it is. Derived: 10
 * MB of data take 13.4 MB in base64, attributes 0.2 MB.
 */
const longestPushBytes = 20_000_000;
/** For a status to reach Pub/Sub. Derived: three of them fit into the two seconds that the platform waits beyond `DRAIN_SECONDS`. */
const lastWordMs = 500;

/** A folder that can be neither found nor made is a fault of the variable. */
async function opened(place: StorePlace): Promise<Store> {
  try {
    return await openStore(place);
  } catch (error) {
    throw new ConfigError([`STORE must name a folder that can be written: ${(error as Error).message}`]);
  }
}

/** Joins the processor, its observation and the push front, and listens. */
export async function startService(dependencies: ServiceDependencies): Promise<FunctionService> {
  const { config, policies, publish, credentialOf, guard, spans, log } = dependencies;
  let draining = false;
  const isDraining = (): boolean => draining;

  const metrics = new FunctionMetrics();
  const events = new Reports({ metrics, log, projectId: config.projectId, clock, wall });
  const bodies = new BufferedBytes(config.maxBufferedBytes);
  const store = config.store && (await opened(config.store));
  const processor = createProcessor({
    clock,
    wall,
    random: systemRandom,
    policies,
    settings: config,
    sourcesOf: capacitySources(config, wall),
    credentialOf,
    call: callGateway,
    bodies,
    publish,
    store,
    spans,
    events,
  });
  const { pools, topics } = processor;
  metrics.watch(pools.all, processor.waitingFor, clock);
  for (const policy of policies.all) {
    for (const scope of policy.allowedEndpoints) metrics.breakerOpen.set({ pool: pools.of(policy).name, scope }, 0);
  }

  const room = new PushRoom(bodies);
  const parts = {
    pushes: createPushServer(processor, room, events),
    room,
    maxBodyBytes: Math.min(longestPushBytes, config.maxBufferedBytes),
    guard,
    events,
    registry: metrics.registry,
    unreadiness: unreadiness({ pools: pools.all, topics, clock, isDraining }),
    isDraining,
    startup: startupWait({ gatewayUrls: pools.all.map(({ gatewayUrl }) => gatewayUrl), clock }),
  };
  const main = createMainServer(parts, config.adminPort === undefined);
  const most = mostClientConnections(openFilesLimit());
  if (most !== undefined) main.maxConnections = most;
  const admin = config.adminPort === undefined ? undefined : createAdminServer(parts);
  if (admin && config.adminPort !== undefined) {
    const adminUrl = await listen(admin, config.adminPort, config.host);
    log.info({ event: 'admin', url: adminUrl }, `health and metrics at ${adminUrl}`);
  }
  const url = await listen(main, config.port, config.host);
  processor.start();
  return {
    url,
    drain: async (graceMs) => {
      draining = true;
      processor.close();
      await Promise.race([processor.ended(), pause(graceMs)]);
      processor.abort();
      await Promise.race([processor.ended(), pause(lastWordMs)]);
      processor.giveUp();
      admin?.close();
      await Promise.race([new Promise((closed) => main.close(closed)), pause(lastWordMs)]);
      await Promise.race([spans.close().catch(() => undefined), pause(lastWordMs)]);
    },
  };
}
