import type { ServingPool } from '../decisions/admit.ts';
import type { EndpointAddress } from '../decisions/endpoint-list.ts';
import type { ModelList } from '../decisions/model-list.ts';
import { poolSaturation } from '../decisions/saturation.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';

/** Told of every endpoint that comes and goes. */
export interface PoolListener {
  added(endpoint: Endpoint): void;
  removed(endpoint: Endpoint): void;
}

/** Models seen anywhere, ever, up to this many: whether a model is unknown or only away just now. */
const mostModelsRemembered = 10_000;

/** The pool's endpoints; their one owner. */
export class Pool implements ServingPool {
  readonly #options: EndpointOptions;
  readonly #listener: PoolListener;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #everServed = new Set<string>();

  constructor(options: EndpointOptions, listener: PoolListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Makes the pool hold exactly these; one that stays keeps its state, one that goes gets nothing new. */
  replace(addresses: readonly EndpointAddress[]): void {
    const wanted = new Map(addresses.map((address) => [address.url, address]));
    for (const [url, endpoint] of this.#endpoints) {
      if (wanted.has(url)) continue;
      this.#endpoints.delete(url);
      this.#listener.removed(endpoint);
    }
    for (const [url, address] of wanted) {
      if (this.#endpoints.has(url)) continue;
      const endpoint = new Endpoint(address, this.#options);
      this.#endpoints.set(url, endpoint);
      this.#listener.added(endpoint);
    }
  }

  recordModels(endpoint: Endpoint, models: ModelList | undefined): void {
    endpoint.recordModels(models);
    for (const model of models?.keys() ?? []) {
      if (this.#everServed.size < mostModelsRemembered) this.#everServed.add(model);
    }
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.#endpoints.values()];
  }

  get usable(): readonly Endpoint[] {
    return this.endpoints.filter(({ usable }) => usable);
  }

  get anyUsable(): boolean {
    return this.#some(({ usable }) => usable);
  }

  canServe(model: string): boolean {
    return this.#some((endpoint) => endpoint.usable && endpoint.serves(model));
  }

  /** Usable endpoints that serve the model. */
  servers(model: string): Endpoint[] {
    const servers: Endpoint[] = [];
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.usable && endpoint.serves(model)) servers.push(endpoint);
    }
    return servers;
  }

  knowsNothingOf(model: string): boolean {
    return !this.#everServed.has(model) && this.endpoints.every(({ models }) => models !== undefined);
  }

  /** The union of the endpoints' lists; of two entries with one id, the first. */
  get models(): ModelList {
    const union = new Map<string, unknown>();
    for (const { models } of this.usable) {
      for (const [id, entry] of models ?? []) if (!union.has(id)) union.set(id, entry);
    }
    return union;
  }

  get saturation(): number {
    return poolSaturation(this.usable.map(({ saturation }) => saturation));
  }

  get realtimeSaturation(): number {
    return poolSaturation(this.usable.map(({ realtimeSaturation }) => realtimeSaturation));
  }

  #some(matches: (endpoint: Endpoint) => boolean): boolean {
    for (const endpoint of this.#endpoints.values()) if (matches(endpoint)) return true;
    return false;
  }
}
