import type { MonotonicClock } from '../../../shared/runtime/clock.ts';
import type { KubernetesObject } from './pool-objects.ts';

/** What a list returns. */
export interface ListedObjects {
  readonly items: readonly KubernetesObject[];
  /** Where a watch goes on. */
  readonly resourceVersion: string;
}

/** One kind of objects, as the Kubernetes API lists and watches it. */
export interface ObjectSource {
  /** Rejects where the API does not answer, or has no such kind. */
  list(): Promise<ListedObjects>;
  /**
   * Tells each change since the version, until the watch ends by itself or is aborted.
   * @param onEvent is told the type (`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`, `ERROR`) and the object
   */
  watch(
    resourceVersion: string,
    onEvent: (type: string, object: KubernetesObject) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** What is copied, and what is told of it. */
export interface ReflectorOptions {
  readonly source: ObjectSource;
  readonly clock: MonotonicClock;
  /** All objects as they are now: at the first list, and whenever one changes. */
  readonly onObjects: (objects: Iterable<KubernetesObject>) => void;
  /** Why the API could not be read; undefined when it can be again. Each told once. */
  readonly onTrouble: (trouble: string | undefined) => void;
}

/** Between two lists: an API server that ends every watch at once is not to be asked without end. Derived: a pod takes longer to be ready. */
const leastPauseMs = 1000;
/** Derived: an API server that comes back is found within half a minute. */
const longestPauseMs = 30_000;

/**
 * A copy of the API's objects of one kind. It lists them, watches from there, and lists again whenever the watch ends, for whatever
 * reason: an event that was lost is made up for then. While the API cannot be read, the last copy stays.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #closing = new AbortController();
  #objects = new Map<string, KubernetesObject>();
  #failures = 0;
  #trouble: string | undefined;
  #cancelPause: () => void = () => {};

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  /** Resolves when the first list was tried. What follows goes on by itself. */
  async start(): Promise<void> {
    const resourceVersion = await this.#list();
    void this.#follow(resourceVersion);
  }

  close(): void {
    this.#closing.abort();
    this.#cancelPause();
  }

  async #follow(first: string | undefined): Promise<void> {
    let resourceVersion = first;
    while (!this.#closed) {
      const listedAtMs = this.#options.clock.nowMs();
      if (resourceVersion !== undefined) await this.#watch(resourceVersion);
      await this.#pauseSince(listedAtMs);
      if (!this.#closed) resourceVersion = await this.#list();
    }
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The version from which to watch; undefined where the API could not be read. */
  async #list(): Promise<string | undefined> {
    try {
      const { items, resourceVersion } = await this.#options.source.list();
      if (this.#closed) return undefined;
      this.#objects = new Map(items.map((item) => [metaOf(item).name ?? '', item]));
      this.#failures = 0;
      this.#tellTrouble(undefined);
      this.#options.onObjects(this.#objects.values());
      return resourceVersion;
    } catch (error) {
      this.#failures += 1;
      if (!this.#closed) this.#tellTrouble(whatOf(error));
      return undefined;
    }
  }

  /** Until it ends. A watch that fails is told of by the list that follows, if that fails too. */
  async #watch(resourceVersion: string): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, ended.signal]);
    const onEvent = (type: string, object: KubernetesObject): void => {
      if (signal.aborted) return;
      if (type === 'ERROR') ended.abort();
      else if (this.#apply(type, object)) this.#options.onObjects(this.#objects.values());
    };
    await this.#options.source.watch(resourceVersion, onEvent, signal).catch(() => {});
    ended.abort();
  }

  /** Whether anything changed. What is older than what is known counts no more, in whatever order it comes. */
  #apply(type: string, object: KubernetesObject): boolean {
    const { name, resourceVersion } = metaOf(object);
    const known = name === undefined ? undefined : this.#objects.get(name);
    if (name === undefined || type === 'BOOKMARK') return false;
    const isOlder = known !== undefined && Number(resourceVersion) < Number(metaOf(known).resourceVersion);
    if (isOlder) return false;
    if (type === 'ADDED' || type === 'MODIFIED') this.#objects.set(name, object);
    else if (type !== 'DELETED' || !known) return false;
    else this.#objects.delete(name);
    return true;
  }

  #tellTrouble(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }

  /** A second since the last list, and twice as long with each one that failed. */
  async #pauseSince(listedAtMs: number): Promise<void> {
    const { clock } = this.#options;
    const pauseMs = Math.min(longestPauseMs, leastPauseMs * 2 ** Math.min(10, this.#failures));
    const restMs = listedAtMs + pauseMs - clock.nowMs();
    if (restMs <= 0 || this.#closed) return;
    await new Promise<void>((over) => {
      const cancel = clock.after(restMs, over);
      this.#cancelPause = () => {
        cancel();
        over();
      };
    });
  }
}

interface Meta {
  readonly name?: string;
  readonly resourceVersion?: string;
}

function metaOf(object: KubernetesObject): Meta {
  return (object.metadata ?? {}) as Meta;
}

function whatOf(error: unknown): string {
  const { code, message, cause } = error as { code?: unknown; message?: unknown; cause?: { message?: unknown } };
  if (code === 404) return 'the API has no such kind, or no such namespace';
  if (code === 403) return 'the API forbids it: the service account lacks a role';
  return typeof code === 'number' ? `the API answers ${code}` : `${cause?.message ?? message}`;
}
