import type { KubernetesObject } from '../../gateway/discovery/kubernetes/pool-objects.ts';
import type { ObjectSource } from '../../gateway/discovery/kubernetes/reflector.ts';

type OnEvent = (type: string, object: KubernetesObject) => void;
interface OpenWatch {
  readonly onEvent: OnEvent;
  end(): void;
}

/** Objects of one kind as an API server keeps them, with what can go wrong between it and those that watch. */
export class ObjectStore {
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #watches = new Set<OpenWatch>();
  readonly versions: { last: number };
  #withheld: [string, KubernetesObject][] = [];
  /** Lists are refused with this code. */
  refuses: number | undefined;
  /** Events are lost. */
  drops = false;
  /** Events are held back, and come in the reverse of their order when they are let go. */
  withholds = false;
  lists = 0;

  constructor(versions = { last: 1 }) {
    this.versions = versions;
  }

  get watching(): number {
    return this.#watches.size;
  }

  get objects(): readonly KubernetesObject[] {
    return [...this.#objects.values()];
  }

  /** Creates it, or changes it where there is one of the name. */
  put(name: string, rest: KubernetesObject = {}): void {
    const known = this.#objects.get(name);
    this.versions.last += 1;
    const uid = (known?.metadata as { uid?: string } | undefined)?.uid ?? `${name} of ${this.versions.last}`;
    const { metadata = {}, ...others } = rest as { metadata?: object };
    const object = { ...others, metadata: { ...metadata, name, uid, resourceVersion: `${this.versions.last}` } };
    this.#objects.set(name, object);
    this.#tell(known ? 'MODIFIED' : 'ADDED', object);
  }

  remove(name: string): void {
    const known = this.#objects.get(name);
    if (!known) return;
    this.#objects.delete(name);
    this.versions.last += 1;
    const metadata = { ...(known.metadata as object), resourceVersion: `${this.versions.last}` };
    this.#tell('DELETED', { ...known, metadata });
  }

  bookmark(): void {
    this.#tell('BOOKMARK', { metadata: { resourceVersion: `${this.versions.last}` } });
  }

  /** As when a version is too old. */
  expire(): void {
    for (const { onEvent } of this.#watches) onEvent('ERROR', { code: 410, reason: 'Expired' });
  }

  /** As when the API server restarts, or its patience is over. */
  endWatches(): void {
    for (const watch of [...this.#watches]) watch.end();
  }

  letGo(): void {
    this.withholds = false;
    const events = this.#withheld.toReversed();
    this.#withheld = [];
    for (const [type, object] of events) this.#tell(type, object);
  }

  watch(onEvent: OnEvent, end: () => void): () => void {
    const watch: OpenWatch = {
      onEvent,
      end: () => {
        this.#watches.delete(watch);
        end();
      },
    };
    this.#watches.add(watch);
    return () => watch.end();
  }

  /** In this process. */
  get source(): ObjectSource {
    return {
      list: async () => {
        this.lists += 1;
        if (this.refuses !== undefined) throw Object.assign(new Error('refused'), { code: this.refuses });
        return { items: this.objects, resourceVersion: `${this.versions.last}` };
      },
      watch: (_resourceVersion, onEvent, signal) =>
        new Promise<void>((ended) => {
          const end = this.watch(onEvent, ended);
          signal.addEventListener('abort', end, { once: true });
          if (signal.aborted) end();
        }),
    };
  }

  #tell(type: string, object: KubernetesObject): void {
    if (this.drops) return;
    if (this.withholds) this.#withheld.push([type, object]);
    else for (const { onEvent } of this.#watches) onEvent(type, object);
  }
}

/** A pod that is ready, unless something else is said. */
export function podAt(ip: string, { ready = true, terminating = false } = {}): KubernetesObject {
  return {
    metadata: terminating ? { deletionTimestamp: '2026-11-26T10:00:00Z' } : {},
    status: { podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

export function poolWith(port: number, app = 'vllm'): KubernetesObject {
  return { spec: { selector: { matchLabels: { app } }, targetPorts: [{ number: port }] } };
}

export function objectiveWith(priority: number, annotations: object = {}, pool = 'p'): KubernetesObject {
  return { metadata: { annotations }, spec: { priority, poolRef: { name: pool } } };
}
