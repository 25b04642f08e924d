import type { Store } from '../../shared/store/store.ts';

/** A store in memory, which fails when it is told to. */
export function createMemoryStore() {
  const objects = new Map<string, string>();
  let fault: Error | undefined;
  let reads = 0;
  const store: Store = {
    uriOf: (name) => `memory:/${name}`,
    read: async (name) => {
      reads += 1;
      if (fault) throw fault;
      const text = objects.get(name);
      return text === undefined ? undefined : { data: Buffer.from(text, 'latin1'), generation: text };
    },
    write: async (name, data) => {
      if (fault) throw fault;
      objects.set(name, Buffer.from(data).toString('latin1'));
    },
  };
  return {
    ...store,
    objects,
    reads: () => reads,
    fail(error: Error | undefined): void {
      fault = error;
    },
  };
}
