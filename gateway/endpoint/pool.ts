import type { EndpointAddress } from './address.ts';
import { isOverBudget } from './capacity/realtime-misses.ts';
import { poolSaturation } from './capacity/saturation.ts';
import { SloBudget } from './capacity/slo-budget.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';
import type { EndpointChange } from './endpoint-change.ts';
import { mostEjected } from './health/ejection.ts';
import type { Peers } from './health/outlier-detector.ts';
import { StepModel } from './latency/step-model.ts';
import { contextTokensOf, type ModelList } from './model-list.ts';

/** Told of every endpoint that comes, goes, or turns usable or unusable. */
export interface PoolListener {
  added?(endpoint: Endpoint): void;
  removed?(endpoint: Endpoint): void;
  changed?(endpoint: Endpoint, change: EndpointChange): void;
}

/** What a pool is made from. */
export type PoolOptions = Pick<EndpointOptions, 'nowMs' | 'staleAfterMs'>;

/** What a request wants of an endpoint: its model, and to be one of these (`host:port`) where it may not go to any. */
export interface Wanted {
  readonly model: string;
  readonly subset?: ReadonlySet<string> | undefined;
}

/** Models seen anywhere, ever, up to this many: whether a model is unknown or only away just now. Derived: ten endpoints' longest lists. */
const mostModelsRemembered = 10_000;

/** The pool's endpoints; their one owner. */
export class Pool {
  /** How long a step takes on its engines. */
  readonly stepModel = new StepModel();
  /** How much sheddable work takes beside its real-time work. */
  readonly sloBudget = new SloBudget();
  readonly #options: EndpointOptions;
  readonly #listeners: PoolListener[] = [];
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #everServed = new Set<string>();

  constructor(options: PoolOptions) {
    this.#options = {
      ...options,
      stepModel: this.stepModel,
      sloBudget: this.sloBudget,
      peers: (endpoint) => this.#peersOf(endpoint),
      otherPlaces: () => this.endpoints.map(({ limiter }) => limiter.places.shown),
      onUsableChange: (endpoint, change) => {
        // What becomes of one that has left concerns the pool no more.
        if (this.#endpoints.get(endpoint.url) !== endpoint) return;
        for (const listener of this.#listeners) listener.changed?.(endpoint, change);
      },
    };
  }

  /** Listeners hear of events in the order of their subscription, and of nothing that was before it. */
  subscribe(listener: PoolListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Makes the pool hold exactly these; one that stays keeps its state, one that goes gets nothing new, one that comes to others
   * starts slowly.
   */
  replace(addresses: readonly EndpointAddress[]): void {
    const wanted = new Map(addresses.map((address) => [address.url, address]));
    const goers = this.endpoints.filter(({ url }) => !wanted.has(url));
    const toOthers = this.anyUsable;
    // Before the others go: a request that waits is not to find the pool empty in between.
    for (const [url, address] of wanted) {
      const known = this.#endpoints.get(url);
      if (known) {
        known.labels = address.labels;
        continue;
      }
      const endpoint = new Endpoint(address, this.#options);
      if (toOthers) endpoint.health.startSlowly();
      this.#endpoints.set(url, endpoint);
      for (const listener of this.#listeners) listener.added?.(endpoint);
    }
    for (const endpoint of goers) {
      this.#endpoints.delete(endpoint.url);
      for (const listener of this.#listeners) listener.removed?.(endpoint);
    }
    this.#endSurplusEjections();
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

  /** Whether an endpoint is usable that serves the model, another one than `exceptFor`. */
  canServe(wanted: Wanted, exceptFor?: Endpoint): boolean {
    return this.#some((endpoint) => endpoint !== exceptFor && isServer(endpoint, wanted));
  }

  /** Usable endpoints that serve the model; `exceptFor` is one of them only if it is the only one. */
  servers(wanted: Wanted, exceptFor?: Endpoint): Endpoint[] {
    const servers: Endpoint[] = [];
    for (const endpoint of this.#endpoints.values()) {
      if (isServer(endpoint, wanted)) servers.push(endpoint);
    }
    if (exceptFor && servers.length > 1 && servers.includes(exceptFor)) servers.splice(servers.indexOf(exceptFor), 1);
    return servers;
  }

  knowsNothingOf(model: string): boolean {
    return !this.#everServed.has(model) && this.endpoints.every(({ models }) => models !== undefined);
  }

  contextTokens(model: string): number | undefined {
    let longest: number | undefined;
    for (const { models } of this.#endpoints.values()) {
      const tokens = contextTokensOf(models?.get(model));
      if (tokens !== undefined) longest = Math.max(longest ?? 0, tokens);
    }
    return longest;
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

  /** Whether real-time work misses its SLO more often than its budget allows, by the answers of about the last minute. */
  get realtimeOverBudget(): boolean {
    const nowMs = this.#options.nowMs();
    return isOverBudget(this.endpoints.map(({ limiter }) => limiter.misses.at(nowMs)));
  }

  #peersOf(endpoint: Endpoint): Peers {
    const others = this.endpoints.filter((other) => other !== endpoint);
    const isMember = others.length < this.#endpoints.size;
    const ejected = others.filter(({ health }) => health.ejection).length;
    const stands = ({ reachable, authorized, health }: Endpoint): boolean =>
      reachable && authorized && !health.ejection;
    const left = others.filter(stands);
    // An endpoint that alone has a model is not ejected.
    const models = [...(endpoint.models?.keys() ?? [])];
    const replaceable = left.length > 0 && models.every((model) => left.some((other) => other.serves(model)));
    const tally = { requests: 0, failures: 0 };
    for (const { health } of left) {
      const { requests, failures } = health.tally;
      tally.requests += requests;
      tally.failures += failures;
    }
    return { canSpare: isMember && replaceable && ejected < mostEjected(this.#endpoints.size), tally };
  }

  /** A pool that shrank may have more ejected than it can spare: those come back first that would have soonest. */
  #endSurplusEjections(): void {
    const ejected = this.endpoints.filter(({ health }) => health.ejection);
    ejected.sort((a, b) => (a.health.ejection?.untilMs ?? 0) - (b.health.ejection?.untilMs ?? 0));
    const surplus = Math.max(0, ejected.length - mostEjected(this.#endpoints.size));
    for (const { health } of ejected.slice(0, surplus)) health.letBackIn();
  }

  #some(matches: (endpoint: Endpoint) => boolean): boolean {
    for (const endpoint of this.#endpoints.values()) if (matches(endpoint)) return true;
    return false;
  }
}

function isServer(endpoint: Endpoint, { model, subset }: Wanted): boolean {
  return endpoint.usable && endpoint.serves(model) && (subset?.has(endpoint.host) ?? true);
}
