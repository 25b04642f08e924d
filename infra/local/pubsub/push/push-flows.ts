import type { Catalog } from '../catalog/catalog.ts';
import { PushFlow, type PushFlowOptions } from './push-flow.ts';

/** One flow for every subscription that has a push endpoint, as the catalog changes. */
export class PushFlows {
  readonly #catalog: Catalog;
  readonly #options: PushFlowOptions;
  readonly #stopping = new AbortController();
  readonly #flows = new Map<number, PushFlow>();
  readonly #unsubscribe: () => void;

  constructor(catalog: Catalog, options: Omit<PushFlowOptions, 'signal'>) {
    this.#catalog = catalog;
    this.#options = { ...options, signal: this.#stopping.signal };
    this.#unsubscribe = catalog.onChange(() => this.#follow());
    this.#follow();
  }

  /** Ends every push that is on its way; a server that starts again makes them again. */
  stop(): void {
    this.#stopping.abort();
    this.#unsubscribe();
    for (const flow of this.#flows.values()) flow.retire();
  }

  #follow(): void {
    const pushed = this.#catalog.subscriptions().filter(({ config }) => config.pushConfig.pushEndpoint);
    for (const [id, flow] of this.#flows) {
      if (pushed.some((entry) => entry.id === id)) continue;
      flow.retire();
      this.#flows.delete(id);
    }
    for (const entry of pushed) {
      const flow = this.#flows.get(entry.id);
      if (flow) flow.update(entry);
      else this.#flows.set(entry.id, new PushFlow(entry, this.#options));
    }
  }
}
