import { Chooser } from '../../gateway/choose/chooser.ts';
import { type PolicyName, policies } from '../../gateway/choose/policies/policies.ts';
import { Pool } from '../../gateway/endpoint/pool.ts';
import { hasRoom, lateBinding } from '../../gateway/queue/late-binding.ts';
import type { RequestQueue } from '../../gateway/queue/request-queue.ts';
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

/** The deployed waiting room, choice and learning before simulated engines, on a virtual clock. */
export class SimulatedGateway {
  readonly clock = new VirtualClock();
  readonly waitingRoom: RequestQueue;
  readonly #pool: Pool;
  readonly #engines = new Map<string, SimulatedEngine>();

  constructor(options: GatewayOptions) {
    const { nowMs } = this.clock;
    this.#pool = new Pool(
      { nowMs, staleAfterMs: 2000, onUsableChange: () => {} },
      { added: () => {}, removed: () => {} },
    );
    const urls = Array.from({ length: options.endpoints }, (_, index) => `http://engine-${index}:8000`);
    this.#pool.replace(urls.map((url) => ({ url, labels: {} })));
    for (const url of urls) this.#engines.set(url, new SimulatedEngine(options.preset, this.clock));
    const chooser = new Chooser({
      pool: this.#pool,
      policy: policies[options.policy],
      hasRoom: options.lateBinding ? hasRoom : () => true,
      nowMs,
      random: seededRandom(options.seed),
      onChoice: () => {},
    });
    this.waitingRoom = lateBinding({
      clock: this.clock,
      pool: this.#pool,
      choose: (ticket) => chooser.choose(ticket.request),
      mostPerBand: Number.POSITIVE_INFINITY,
      timeoutMs: { realtime: Number.POSITIVE_INFINITY, sheddable: sheddableWaitMs },
    });
    this.#readInTurns(options.metricsRefreshMs);
  }

  engineOf(url: string): SimulatedEngine {
    return this.#engines.get(url)!;
  }

  #readInTurns(everyMs: number): void {
    for (const [index, endpoint] of this.#pool.endpoints.entries()) {
      const read = () => {
        endpoint.recordLoad(this.engineOf(endpoint.url).load());
        this.waitingRoom.pump();
        this.clock.after(everyMs, read);
      };
      this.clock.after((everyMs * index) / this.#engines.size, read);
    }
  }
}
