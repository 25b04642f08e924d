import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { CapacityReport } from '../shared/inference-gateway/capacity-report.ts';
import { monotonicClock } from '../shared/runtime/clock.ts';
import type { NamedFile } from '../shared/runtime/config/named-file.ts';
import type { Values } from '../shared/runtime/config/read-config.ts';
import { createLogger, type Logger } from '../shared/runtime/logger.ts';
import { WatchedFile } from '../shared/runtime/watched-file.ts';
import { withinTime } from '../shared/runtime/within-time.ts';
import { type ModelNames, noNames } from './admit/model-names.ts';
import type { Objectives } from './admit/objectives.ts';
import type { gatewaySchema } from './config.ts';
import type { ConfigFiles } from './config-files.ts';
import { followEndpoints } from './discovery/follow-endpoints.ts';
import { Poller } from './discovery/poller.ts';
import type { DrainPhase } from './drain-phase.ts';
import { ExtProcFront } from './fronts/ext-proc/ext-proc-front.ts';
import { BodyReader } from './fronts/http/body-reader.ts';
import { closeIdleConnections } from './fronts/http/close-idle-connections.ts';
import { BodyBudget } from './fronts/http/held-body.ts';
import { createHttpApp } from './fronts/http/http-app.ts';
import { HttpFront } from './fronts/http/http-front.ts';
import { KeyRing } from './fronts/http/key-ring.ts';
import { Metrics } from './observe/metrics.ts';
import { Observer } from './observe/observer.ts';
import { capacityReport, capacityRoute, healthRoutes, operatorRoutes } from './observe/operator-routes.ts';
import { RecentChoices } from './observe/recent-choices.ts';
import { RequestLog } from './observe/request-log.ts';
import { shuttingDown } from './refusal.ts';
import type { Rejection } from './rejection.ts';
import { Router } from './router.ts';

/** The gateway's variables, as they were read. */
export type GatewayConfig = Values<typeof gatewaySchema>;

/**
 * A reading counts until it is four periods old, and two seconds at least: a busy engine answers late. Derived: a page may take as long as
 * two long steps, and one may be lost.
 */
const staleAfterPeriods = 4;
/** Derived: an engine that computes a long prompt answers nothing for a second. */
const staleAfterAtLeastMs = 2000;
/** Clients and load balancers need this time to learn that they must go elsewhere. Protocol: contract §7. */
const longestGraceMs = 5000;
/**
 * Until the last words to clients that do not read are given up, and until the ports are closed. Derived: two of these and what is left to
 * close fit into the twenty seconds that Kubernetes waits beyond `DRAIN_SECONDS`.
 */
const closeTimeoutMs = 2500;

/** The service: its parts joined, listening until it is drained. */
export class Gateway {
  readonly #config: GatewayConfig;
  readonly #files: ConfigFiles;
  readonly #log: Logger;
  readonly #closables: { close(): void }[] = [];
  readonly #router: Router;
  readonly #poller: Poller;
  readonly #front: HttpFront;
  /** Undefined where no proxy asks for endpoints. */
  readonly #picker: ExtProcFront | undefined;
  /** For operators alone; undefined where their routes stand beside the clients'. */
  readonly #admin: FastifyInstance | undefined;
  #poolObjectives: Objectives = new Map();
  #drained: Promise<void> | undefined;
  #drainPhase: DrainPhase = 'none';

  constructor(config: GatewayConfig, files: ConfigFiles, log: Logger) {
    this.#config = config;
    this.#files = files;
    this.#log = log;
    const objectives = this.#objectives();
    this.#router = new Router({
      clock: monotonicClock,
      random: Math.random,
      policy: config.policy,
      holdsQueue: true,
      staleAfterMs: Math.max(staleAfterAtLeastMs, staleAfterPeriods * config.metricsRefreshMs),
      maxQueued: config.maxQueued,
      queueTimeoutMs: config.queueTimeoutMs,
      sheddableWaitMs: config.sheddableWaitMs,
    });
    const router = this.#router;
    const endpointsKey = this.#endpointsKey();
    this.#poller = new Poller({
      pool: router.pool,
      metricsRefreshMs: config.metricsRefreshMs,
      endpointsKey,
      onReading: () => router.pump(),
    });
    router.pool.subscribe(this.#poller);

    const metrics = new Metrics({
      poolName: config.poolName,
      router,
      priorities: () => [...objectives().values()].map(({ priority }) => priority),
    });
    const choices = new RecentChoices();
    // At any LOG_LEVEL.
    const lines = createLogger('info', 'gateway');
    const requestLog = new RequestLog(config.logRequests, (line) => lines.info(line, 'a request ended'));
    const observer = new Observer({ log, metrics, choices, requestLog });
    router.subscribe(observer);
    router.pool.subscribe(observer);

    const isDraining = (): boolean => this.#drainPhase !== 'none';
    const budget = new BodyBudget(config.maxBufferedBytes);
    const forEachFront = {
      router,
      admitting: { ...config, objectives, keys: this.#keys(), models: this.#models() },
      timeouts: config,
      bodies: new BodyReader({ mostBytes: config.maxBodyBytes, budget }),
      log,
      onRejected: (rejection: Rejection) => observer.rejected(rejection),
      endpointsKey,
      drainPhase: () => this.#drainPhase,
    };
    const { corsOrigins, asyncApiUrl } = config;
    this.#front = new HttpFront({ ...forEachFront, corsOrigins, asyncApiUrl });
    if (config.extProcPort !== undefined) {
      const capacity = (): CapacityReport => capacityReport({ router, objectives });
      this.#picker = new ExtProcFront({ ...forEachFront, ...config, tls: config.extProcTls, budget, capacity });
    }
    this.#admin = config.adminPort === undefined ? undefined : createHttpApp({ log, isDraining });
    const operator = { ...config, router, choices, objectives, metrics, isDraining };
    for (const app of this.#apps) {
      healthRoutes(app, operator);
      capacityRoute(app, operator);
    }
    operatorRoutes(this.#admin ?? this.#front.app, operator);
  }

  get #apps(): readonly FastifyInstance[] {
    return this.#admin ? [this.#front.app, this.#admin] : [this.#front.app];
  }

  /** Resolves to the clients' base URL, when every endpoint was asked once and all ports are open. */
  async start(): Promise<string> {
    const { pool } = this.#router;
    const sources = { ...this.#config, endpointsFile: this.#files.endpoints };
    this.#closables.push(
      await followEndpoints(sources, this.#log, {
        addresses: (addresses) => pool.replace(addresses),
        objectives: (objectives) => {
          this.#poolObjectives = objectives;
        },
      }),
    );
    await this.#poller.firstRound();
    const { host, port, adminPort } = this.#config;
    if (this.#admin) {
      const url = await this.#admin.listen({ host, port: adminPort ?? 0 });
      this.#log.info({ url }, `metrics, dashboard and debug state at ${url}`);
    }
    if (this.#picker) {
      const { extProcPort = 0, extProcHealthPort } = this.#config;
      const ports = await this.#picker.listen(host, extProcPort, extProcHealthPort);
      this.#log.info({ event: 'picker_listening', ...ports }, `the endpoint picker takes calls on port ${ports.port}`);
    }
    return this.#front.listen(host, port);
  }

  /**
   * Serves on for a moment, then takes nothing new, lets what runs end until `DRAIN_SECONDS` are over, ends the rest, and closes every
   * port and connection.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    const { drainMs } = this.#config;
    const overAtMs = monotonicClock.nowMs() + drainMs;
    this.#log.info({ inFlight: this.#front.open + (this.#picker?.open ?? 0) }, 'draining');
    this.#drainPhase = 'serving';
    closeIdleConnections(this.#apps);
    this.#picker?.sendAway();
    await delay(Math.min(longestGraceMs, drainMs));
    this.#drainPhase = 'refusing';
    await settledWithin(overAtMs - monotonicClock.nowMs(), this.#idle());
    this.#drainPhase = 'ending';
    this.#router.stopAll(shuttingDown);
    await settledWithin(closeTimeoutMs, this.#idle());
    for (const closable of this.#closables) closable.close();
    await settledWithin(closeTimeoutMs, Promise.all([...this.#apps, this.#picker].map((each) => each?.close())));
    await Promise.all([this.#poller.close(), this.#front.close()]);
    this.#log.info('drained');
  }

  async #idle(): Promise<void> {
    await Promise.all([this.#front.idle(), this.#picker?.idle()]);
  }

  /** Those of the configuration, and over them the pool's own. */
  #objectives(): () => Objectives {
    const { objectives } = this.#files;
    const file = objectives && this.#watch(objectives);
    let [from, over, all]: Objectives[] = [];
    return () => {
      const configured = file?.current ?? this.#config.objectives;
      if (all && from === configured && over === this.#poolObjectives) return all;
      [from, over] = [configured, this.#poolObjectives];
      all = over.size === 0 ? configured : new Map([...configured, ...over]);
      return all;
    };
  }

  #keys(): () => KeyRing | undefined {
    const { apiKeys } = this.#files;
    let keys = apiKeys && new KeyRing(apiKeys.value);
    if (apiKeys) {
      this.#watch(apiKeys, (read) => {
        keys = new KeyRing(read);
      });
    }
    return () => keys;
  }

  #models(): () => ModelNames {
    const { models } = this.#files;
    if (!models) return () => noNames;
    const file = this.#watch(models);
    return () => file.current;
  }

  #endpointsKey(): () => string | undefined {
    const { endpointsKey } = this.#files;
    if (!endpointsKey) return () => undefined;
    const file = this.#watch(endpointsKey);
    return () => file.current;
  }

  #watch<T>(file: NamedFile<T>, onChange?: (value: T) => void): WatchedFile<T> {
    const watched = new WatchedFile(file, this.#log);
    watched.follow(onChange);
    this.#closables.push(watched);
    return watched;
  }
}

/** Waits for the work, at most for this time. */
async function settledWithin(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  await withinTime(work, timeoutMs, monotonicClock).catch(() => undefined);
}
