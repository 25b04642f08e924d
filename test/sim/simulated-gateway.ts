import { type PolicyName, policies } from '../../gateway/choose/policies/policies.ts';
import { Router } from '../../gateway/router.ts';
import type { Preset } from '../../infra/local/model-server/engine/presets.ts';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { SimulatedEngine } from './simulated-engine.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface GatewayOptions {
  readonly endpoints: number;
  readonly preset: Preset;
  readonly policy: PolicyName;
  /** The gateway holds what engines cannot run yet; otherwise everything goes to an engine's own queue at once, as endpoint pickers do. */
  readonly lateBinding: boolean;
  readonly metricsRefreshMs: number;
  readonly seed: number;
}

const sheddableWaitMs = 1000;

/** The deployed router before simulated engines, on a virtual clock. */
export class SimulatedGateway {
  readonly clock = new VirtualClock();
  readonly router: Router;
  readonly #engines = new Map<string, SimulatedEngine>();

  constructor(options: GatewayOptions) {
    this.router = new Router({
      clock: this.clock,
      random: seededRandom(options.seed),
      policy: policies[options.policy],
      holdsQueue: options.lateBinding,
      staleAfterMs: 2000,
      maxQueued: Number.POSITIVE_INFINITY,
      queueTimeoutMs: Number.POSITIVE_INFINITY,
      sheddableWaitMs,
    });
    const urls = Array.from({ length: options.endpoints }, (_, index) => `http://engine-${index}:8000`);
    this.router.pool.replace(urls.map((url) => ({ url, labels: {} })));
    for (const url of urls) this.#engines.set(url, new SimulatedEngine(options.preset, this.clock));
    this.#readInTurns(options.metricsRefreshMs);
  }

  engineOf(url: string): SimulatedEngine {
    return this.#engines.get(url)!;
  }

  #readInTurns(everyMs: number): void {
    for (const [index, endpoint] of this.router.pool.endpoints.entries()) {
      const read = () => {
        endpoint.recordLoad(this.engineOf(endpoint.url).load());
        this.router.pump();
        this.clock.after(everyMs, read);
      };
      this.clock.after((everyMs * index) / this.#engines.size, read);
    }
  }
}
