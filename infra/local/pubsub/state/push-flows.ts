import type { Catalog } from './catalog.ts';
import { PushFlow, type PushFlowOptions } from './push-flow.ts';

/** One flow for every subscription that has a push endpoint, as the catalog changes. */
export class PushFlows {
  readonly #catalog: Catalog;
  readonly #options: PushFlowOptions;
  readonly #flows = new Map<number, PushFlow>();
  readonly #unsubscribe: () => void;

  constructor(catalog: Catalog, options: PushFlowOptions) {
    this.#catalog = catalog;
    this.#options = options;
    this.#unsubscribe = catalog.onChange(() => this.#follow());
    this.#follow();
  }

  stop(): void {
    this.#unsubscribe();
    for (const flow of this.#flows.values()) flow.stop();
  }

  #follow(): void {
    const pushed = this.#catalog.subscriptions().filter(({ config }) => config.pushConfig.pushEndpoint);
    for (const [id, flow] of this.#flows) {
      if (pushed.some((entry) => entry.id === id)) continue;
      flow.stop();
      this.#flows.delete(id);
    }
    for (const entry of pushed) {
      const flow = this.#flows.get(entry.id);
      if (flow) flow.update(entry);
      else this.#flows.set(entry.id, new PushFlow(entry, this.#options));
    }
  }
}
