import { LRUCache } from 'lru-cache';

/**
 * Keeps what is finished and could not be published, until its message is delivered here again. Bounded: the oldest makes room, and
 * costs another call.
 */
export class ResultCache<T extends NonNullable<unknown>> {
  readonly #kept: LRUCache<string, T>;

  constructor(maxBytes: number) {
    this.#kept = new LRUCache({ maxSize: maxBytes });
  }

  /** In place of what was kept under this key. What is larger than all the room there is, is not kept. */
  keep(key: string, item: T, sizeBytes: number): void {
    // The cache knows no size of zero.
    this.#kept.set(key, item, { size: Math.max(1, sizeBytes) });
  }

  take(key: string): T | undefined {
    const found = this.#kept.get(key);
    this.#kept.delete(key);
    return found;
  }
}
