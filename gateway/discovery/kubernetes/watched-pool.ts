import { type MonotonicClock, monotonicClock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import type { EndpointAddress } from '../../endpoint/address.ts';
import {
  addressesOf,
  type KubernetesObject,
  objectiveOf,
  type PoolObjective,
  poolSpecOf,
  selectorText,
} from './pool-objects.ts';
import { type ObjectSource, Reflector } from './reflector.ts';

/** Where the objects of a namespace come from. */
export interface PoolSources {
  /** The pool alone, or nothing where there is none of that name. */
  pool(name: string): ObjectSource;
  pods(selector: string): ObjectSource;
  /** Of one API group each: of two objectives with one name the first group's counts. */
  objectives(): readonly ObjectSource[];
}

/** A pool to watch, and what is told of it. */
export interface WatchedPoolOptions {
  /** Of the InferencePool. */
  readonly name: string;
  readonly sources: PoolSources;
  readonly log: Logger;
  readonly onAddresses: (addresses: readonly EndpointAddress[]) => void;
  /** By name; those that the pool has now. */
  readonly onObjectives: (objectives: ReadonlyMap<string, PoolObjective>) => void;
  readonly clock?: MonotonicClock;
}

/** An InferencePool as the Kubernetes API tells it: the model servers of its pods, and its objectives. */
export class WatchedPool {
  readonly #options: WatchedPoolOptions;
  readonly #reflectors: Reflector[] = [];
  /** As it was followed last; undefined before the first one. */
  #spec: string | undefined;
  #pods: Reflector | undefined;
  #told = '[]';
  readonly #objectives: ReadonlyMap<string, PoolObjective>[] = [];

  constructor(options: WatchedPoolOptions) {
    this.#options = options;
  }

  /** Resolves when the pool, its pods and its objectives were asked for once. */
  async start(): Promise<void> {
    const { name, sources } = this.#options;
    let podsAsked: Promise<void> | undefined;
    const pool = this.#follow('the InferencePool', sources.pool(name), (objects) => {
      podsAsked = this.#takePool([...objects][0]);
    });
    const objectives = sources
      .objectives()
      .map((source, group) =>
        this.#follow('InferenceObjectives', source, (objects) => this.#takeObjectives(group, objects)),
      );
    await Promise.all([pool, ...objectives]);
    await podsAsked;
  }

  close(): void {
    for (const reflector of [...this.#reflectors, this.#pods]) reflector?.close();
  }

  #follow(what: string, source: ObjectSource, onObjects: (objects: Iterable<KubernetesObject>) => void): Promise<void> {
    const reflector = this.#reflector(what, source, onObjects);
    this.#reflectors.push(reflector);
    return reflector.start();
  }

  #reflector(what: string, source: ObjectSource, onObjects: (objects: Iterable<KubernetesObject>) => void): Reflector {
    const { clock = monotonicClock, log, name } = this.#options;
    const onTrouble = (trouble: string | undefined): void => {
      if (trouble === undefined) log.info({ pool: name }, `ENDPOINTS_POOL: ${what} can be read again`);
      else log.warn({ pool: name }, `ENDPOINTS_POOL: ${what} cannot be read (${trouble}); what was read last stays`);
    };
    return new Reflector({ source, clock, onObjects, onTrouble });
  }

  /** Other pods are followed where it names others. A pool that is gone has none. */
  #takePool(pool: KubernetesObject | undefined): Promise<void> | undefined {
    const { log, name, sources } = this.#options;
    const spec = pool && poolSpecOf(pool);
    const text = JSON.stringify(spec ?? 'none');
    if (text === this.#spec) return undefined;
    this.#spec = text;
    if (!spec)
      log.warn({ pool: name }, 'ENDPOINTS_POOL: there is no InferencePool of this name that names pods and a port');
    this.#pods?.close();
    this.#pods = undefined;
    if (!spec) {
      this.#tell([]);
      return undefined;
    }
    const isCurrent = (): boolean => this.#pods === pods;
    const pods: Reflector = this.#reflector('its pods', sources.pods(selectorText(spec)), (objects) => {
      if (isCurrent()) this.#tell(addressesOf(objects, spec));
    });
    this.#pods = pods;
    return pods.start();
  }

  #tell(addresses: readonly EndpointAddress[]): void {
    const text = JSON.stringify(addresses);
    if (text === this.#told) return;
    this.#told = text;
    const { log, name, onAddresses } = this.#options;
    log.info({ pool: name, addresses: addresses.map(({ url }) => url) }, 'ENDPOINTS_POOL: the endpoints changed');
    onAddresses(addresses);
  }

  #takeObjectives(group: number, objects: Iterable<KubernetesObject>): void {
    const { name, onObjectives } = this.#options;
    const found = [...objects].flatMap((object) => objectiveOf(object, name) ?? []);
    this.#objectives[group] = new Map(found.map((objective) => [objective.name, objective]));
    // The first group's last, so that they stand.
    onObjectives(new Map(this.#objectives.toReversed().flatMap((each) => [...(each ?? [])])));
  }
}
