import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { monotonicClock } from '../shared/runtime/clock.ts';
import type { NamedFile } from '../shared/runtime/config/named-file.ts';
import type { Values } from '../shared/runtime/config/read-config.ts';
import { RecentRate } from '../shared/runtime/ewma.ts';
import { LinkedList } from '../shared/runtime/linked-list.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import { WatchedFile } from '../shared/runtime/watched-file.ts';
import type { Objectives } from './admit/objectives.ts';
import { Chooser } from './choose/chooser.ts';
import { policies } from './choose/policies/policies.ts';
import type { gatewaySchema } from './config.ts';
import type { ConfigFiles } from './config-files.ts';
import { followEndpoints } from './discovery/follow-endpoints.ts';
import { Poller } from './discovery/poller.ts';
import { retryAfterSeconds } from './endpoint/capacity/saturation.ts';
import { Pool } from './endpoint/pool.ts';
import { BodyReader } from './fronts/http/body-reader.ts';
import { drainConnections } from './fronts/http/drain-connections.ts';
import type { FailureCode } from './fronts/http/ending.ts';
import type { Exchange, ExchangeServices } from './fronts/http/exchange.ts';
import { createHttpApp } from './fronts/http/http-app.ts';
import { inferenceRoutes } from './fronts/http/inference-routes.ts';
import { KeyRing } from './fronts/http/key-ring.ts';
import { Upstreams } from './fronts/http/upstreams.ts';
import { logEndpointChange } from './observe/endpoint-log.ts';
import { Metrics } from './observe/metrics.ts';
import { Observer } from './observe/observer.ts';
import { capacityRoute, healthRoutes, operatorRoutes } from './observe/operator-routes.ts';
import { explain, RecentChoices } from './observe/recent-choices.ts';
import { hasRoom, lateBinding } from './queue/late-binding.ts';
import { type Refusal, refusal } from './refusal.ts';

export type GatewayConfig = Values<typeof gatewaySchema>;

/** A reading counts until it is four periods old, and two seconds at least: a busy engine answers late. */
const staleAfterPeriods = 4;
const staleAfterAtLeastMs = 2000;
/** Below the half minute that Kubernetes gives by default. */
const drainTimeoutMs = 25_000;
const closeTimeoutMs = 2000;
/** The rate at which sheddable requests find places tells how long others will wait. */
const placedMemoryMs = 10_000;
/** Connections that the kernel keeps while the process is busy; it holds the number to its own limit. */
const mostUnaccepted = 4096;

/** The service: its parts joined, listening until it is drained. */
export class Gateway {
  readonly #config: GatewayConfig;
  readonly #files: ConfigFiles;
  readonly #log: Logger;
  readonly #exchanges = new LinkedList<Exchange>();
  readonly #pool: Pool;
  readonly #poller: Poller;
  readonly #metrics: Metrics;
  readonly #upstreams = new Upstreams();
  readonly #closables: { close(): void }[] = [];
  readonly #apps: readonly FastifyInstance[];
  #drained: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(config: GatewayConfig, files: ConfigFiles, log: Logger) {
    this.#config = config;
    this.#files = files;
    this.#log = log;
    const { nowMs } = monotonicClock;
    const staleAfterMs = Math.max(staleAfterAtLeastMs, staleAfterPeriods * config.metricsRefreshMs);
    this.#pool = new Pool(
      {
        nowMs,
        staleAfterMs,
        onUsableChange: (endpoint, change) => {
          logEndpointChange(log, endpoint, change);
          if (change.kind === 'ejected') this.#metrics.countEjection(change.reason);
          this.#refuseUnservable();
        },
      },
      {
        added: (endpoint) => {
          this.#upstreams.added(endpoint);
          this.#poller.added(endpoint);
        },
        removed: (endpoint) => {
          this.#poller.removed(endpoint);
          this.#upstreams.removed(endpoint);
          this.#refuseUnservable();
        },
      },
    );
    const pool = this.#pool;
    const choices = new RecentChoices();
    const chooser = new Chooser({
      pool,
      policy: policies[config.policy],
      hasRoom,
      nowMs,
      random: Math.random,
      onChoice: (choice) => {
        choices.add(choice);
        if (log.isLevelEnabled('debug')) log.debug(explain(choice), 'an endpoint was chosen');
      },
    });
    const sheddablePlaced = new RecentRate(placedMemoryMs);
    const waitingRoom = lateBinding({
      clock: monotonicClock,
      pool,
      choose: (ticket) => {
        const placement = chooser.choose(ticket.request);
        if (placement && ticket.request.workClass === 'sheddable') sheddablePlaced.record(nowMs());
        return placement;
      },
      mostPerBand: config.maxQueued,
      timeoutMs: {
        realtime: config.queueTimeoutMs,
        sheddable: Math.min(config.sheddableWaitMs, config.queueTimeoutMs),
      },
    });

    this.#poller = new Poller({
      pool,
      metricsRefreshMs: config.metricsRefreshMs,
      onReading: () => waitingRoom.pump(),
    });
    const objectives = this.#objectives();
    this.#metrics = new Metrics({
      poolName: config.poolName,
      pool,
      waitingRoom,
      exchanges: this.#exchanges,
      priorities: () => [...objectives().values()].map(({ priority }) => priority),
    });
    const metrics = this.#metrics;
    const observer = new Observer({
      log,
      metrics,
      exchanges: this.#exchanges,
      onEnd: () => waitingRoom.pump(),
      onIdle: () => this.#onIdle?.(),
    });
    const retryAfter = ({ priority, request: { workClass } }: Exchange): number => {
      const waiting = waitingRoom.counts.get(priority) ?? 0;
      return retryAfterSeconds(waiting, workClass === 'sheddable' ? sheddablePlaced.perSecond(nowMs()) : waiting + 1);
    };
    const full = (exchange: Exchange): Refusal =>
      refusal('saturated', 'the pool has no room for this request', retryAfter(exchange));
    const isDraining = (): boolean => this.#drained !== undefined;
    const exchange: ExchangeServices = {
      upstreams: this.#upstreams,
      isDraining,
      waitingRoom,
      observer,
      nowMs,
      patience: config,
      placeElsewhere: ({ request }) => chooser.choose(request) ?? (pool.canServe(request.model) ? 'later' : 'nowhere'),
      refusalWhenFull: full,
      refusalWhenEvicted: (exchange) =>
        refusal('evicted', 'the request was stopped to make room for one of a higher priority', retryAfter(exchange)),
      refusalWhenLate: (exchange) =>
        exchange.request.workClass === 'sheddable'
          ? full(exchange)
          : refusal('queue_timeout', 'the request waited too long for an endpoint'),
    };
    const onRejected = (code: FailureCode): void => observer.rejected(code);
    const operator = {
      poolName: config.poolName,
      policy: config.policy,
      pool,
      waitingRoom,
      choices,
      objectives,
      metrics,
      isDraining,
    };

    const app = createHttpApp(log, onRejected);
    const keys = this.#keys();
    app.register(async (v1) => {
      inferenceRoutes(v1, {
        pool,
        objectives,
        defaultObjective: config.defaultObjective,
        keys,
        isDraining,
        exchange,
        bodies: new BodyReader(config.maxBodyBytes),
        onRejected,
      });
    });
    const admin = config.adminPort === undefined ? app : createHttpApp(log, () => {});
    this.#apps = admin === app ? [app] : [admin, app];
    for (const each of this.#apps) {
      healthRoutes(each, operator);
      capacityRoute(each, operator);
    }
    operatorRoutes(admin, operator);
  }

  /** Resolves to the clients' base URL, when every endpoint was asked once and all ports are open. */
  async start(): Promise<string> {
    const replace = this.#pool.replace.bind(this.#pool);
    this.#closables.push(
      await followEndpoints({ ...this.#config, endpointsFile: this.#files.endpoints }, this.#log, replace),
    );
    await this.#poller.firstRound();
    const { host, port, adminPort } = this.#config;
    const [app, admin] = this.#apps.toReversed();
    if (admin) {
      const url = await admin.listen({ host, port: adminPort ?? 0 });
      this.#log.info({ url }, `metrics, dashboard and debug state at ${url}`);
    }
    await app?.listen({ host, port, backlog: mostUnaccepted });
    const address = app?.server.address() as AddressInfo;
    return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /** Takes nothing new, lets what runs end within a bounded time, and closes every port and connection. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    this.#log.info({ inFlight: this.#exchanges.size }, 'draining');
    await within(drainTimeoutMs, this.#idle());
    const cutOff = refusal('shutting_down', 'the gateway is shutting down');
    // Who waits goes first: nobody is to get the place of one who is cut off.
    const waitingFirst = [...this.#exchanges].sort((a, b) => Number(a.running) - Number(b.running));
    for (const exchange of waitingFirst) exchange.stop(cutOff);
    await drainConnections(this.#apps);
    for (const closable of this.#closables) closable.close();
    await within(closeTimeoutMs, Promise.all(this.#apps.map((app) => app.close())));
    await Promise.all([this.#poller.close(), this.#upstreams.close()]);
    this.#log.info('drained');
  }

  /** With nothing usable nobody waits. */
  #refuseUnservable(): void {
    for (const exchange of [...this.#exchanges]) {
      if (exchange.running || this.#pool.canServe(exchange.request.model)) continue;
      exchange.stop(refusal('no_endpoints', 'no endpoint that serves this model can take a request any more'));
    }
  }

  async #idle(): Promise<void> {
    if (this.#exchanges.size === 0) return;
    await new Promise<void>((idle) => {
      this.#onIdle = idle;
    });
  }

  #objectives(): () => Objectives {
    const { objectives } = this.#files;
    if (!objectives) return () => this.#config.objectives;
    const file = this.#watch(objectives);
    return () => file.current;
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

  #watch<T>(file: NamedFile<T>, onChange?: (value: T) => void): WatchedFile<T> {
    const watched = new WatchedFile(file, this.#log);
    watched.follow(onChange);
    this.#closables.push(watched);
    return watched;
  }
}

/** Waits for `work`, or for so long. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((late) => {
    timer = setTimeout(late, timeoutMs);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
