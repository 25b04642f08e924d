/**
 * Keeps what is finished and could not be published, until its message is delivered here again. Bounded: the oldest makes room, and
 * costs another call.
 */
export class ResultCache<T> {
  readonly #maxBytes: number;
  readonly #kept = new Map<string, { readonly item: T; readonly sizeBytes: number }>();
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  keep(key: string, item: T, sizeBytes: number): void {
    this.take(key);
    if (sizeBytes > this.#maxBytes) return;
    this.#kept.set(key, { item, sizeBytes });
    this.#sizeBytes += sizeBytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#sizeBytes <= this.#maxBytes) break;
      this.take(oldest);
    }
  }

  take(key: string): T | undefined {
    const found = this.#kept.get(key);
    if (!found) return undefined;
    this.#kept.delete(key);
    this.#sizeBytes -= found.sizeBytes;
    return found.item;
  }
}
