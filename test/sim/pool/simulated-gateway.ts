import type { PolicyName } from '../../../gateway/choose/policies/policies.ts';
import type { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import type { EngineLoad } from '../../../gateway/endpoint/engine-load.ts';
import { Router } from '../../../gateway/router.ts';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { saturationOf } from '../../../shared/inference-gateway/saturation.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { type ClientCall, ClientRequest } from './client-request.ts';
import { type EngineKind, engineOf } from './engine-kinds.ts';
import { SimulatedEngine } from './simulated-engine.ts';

/**
 * `ours`: the deployed router as the gateway runs it. `plain`: a gateway whose endpoint picker has no queue of its own; every request
 * goes to an engine's queue at once, and sheddable ones are shed with 429 while the pool is saturated.
 */
export type Way = 'ours' | 'plain';

export interface GatewaySpec {
  readonly way: Way;
  readonly policy: PolicyName;
  readonly engines: readonly EngineKind[];
  /** Another gateway before the same engines, in place of engines of its own. */
  readonly beside?: SimulatedGateway;
  readonly seed: number;
  /** What arrives of an engine's page, by the engine's place in the pool; undefined is a page that hangs. As it is where this is not set. */
  readonly pages?: (page: EngineLoad, engine: number, nowMs: number) => EngineLoad | undefined;
}

const metricsRefreshMs: Readonly<Record<Way, number>> = { ours: 250, plain: 50 };
const staleAfterMs = 2000;
const sheddableWaitMs: Readonly<Record<Way, number>> = { ours: 10_000, plain: Number.POSITIVE_INFINITY };

/** A gateway before simulated engines, on a virtual clock. Both ways run the deployed router. */
export class SimulatedGateway {
  readonly clock: VirtualClock;
  readonly router: Router;
  readonly underWay = { realtime: 0, async: 0 };
  readonly #way: Way;
  readonly #pages: NonNullable<GatewaySpec['pages']>;
  readonly #engines: Map<string, SimulatedEngine>;

  constructor({ way, policy, engines, beside, seed, pages = (page) => page }: GatewaySpec, clock: VirtualClock) {
    this.clock = clock;
    this.#engines = beside ? beside.#engines : new Map();
    this.#way = way;
    this.#pages = pages;
    this.router = new Router({
      clock,
      random: seededRandom(seed),
      policy,
      holdsQueue: way === 'ours',
      staleAfterMs,
      maxQueued: Number.POSITIVE_INFINITY,
      queueTimeoutMs: Number.POSITIVE_INFINITY,
      sheddableWaitMs: sheddableWaitMs[way],
    });
    if (beside) this.use(this.urls);
    else this.add(engines);
  }

  /** Adds engines to the pool. */
  add(kinds: readonly EngineKind[]): void {
    const before = this.#engines.size;
    for (const [index, kind] of kinds.entries()) {
      this.#engines.set(`http://engine-${before + index}:8000`, new SimulatedEngine(engineOf(kind), this.clock));
    }
    this.use(this.urls);
    this.router.pump();
  }

  /** Makes the pool hold exactly these of its engines. */
  use(urls: readonly string[]): void {
    const { pool } = this.router;
    const known = new Set(pool.endpoints);
    pool.replace(urls.map((url) => ({ url, labels: {} })));
    this.#readInTurns(pool.endpoints.filter((endpoint) => !known.has(endpoint)));
  }

  get urls(): readonly string[] {
    return [...this.#engines.keys()];
  }

  /** Sends a client's request. */
  send(call: ClientCall): ClientRequest {
    const request = new ClientRequest(call, this);
    if (this.#way === 'plain' && call.priority < 0 && this.saturation >= 1) request.shed();
    else request.begin();
    return request;
  }

  /** As `/capacity` tells it, or, of a plain gateway, as its endpoint picker exports it: the mean over engines. */
  get saturation(): number {
    const { pool } = this.router;
    if (this.#way === 'ours') return pool.saturation;
    const all = pool.usable.map(({ reading }) =>
      reading ? saturationOf(reading.waiting, reading.kvCacheUtilization) : 1,
    );
    return all.length === 0 ? 1 : all.reduce((sum, each) => sum + each, 0) / all.length;
  }

  engineOf(url: string): SimulatedEngine {
    return this.#engines.get(url)!;
  }

  #readInTurns(endpoints: readonly Endpoint[]): void {
    const everyMs = metricsRefreshMs[this.#way];
    for (const [index, endpoint] of endpoints.entries()) {
      const engine = this.urls.indexOf(endpoint.url);
      const read = () => {
        if (!this.router.pool.endpoints.includes(endpoint)) return;
        const page = this.#pages(this.engineOf(endpoint.url).load(), engine, this.clock.nowMs());
        if (page) endpoint.recordLoad(page);
        this.router.pump();
        this.clock.after(everyMs, read);
      };
      this.clock.after((everyMs * index) / endpoints.length, read);
    }
  }
}
