/**
 * The KV cache: a fixed number of blocks, each free or held by one or more sequences. A free block keeps what was cached in
 * it until it is taken again, oldest first, so that a later sequence with the same beginning can hold it without computing.
 */
export class BlockPool {
  readonly size: number;
  #free: number;
  readonly #holders: Int32Array;
  /** Content hash by block, NaN when there is none. */
  readonly #hashes: Float64Array;
  readonly #byHash = new Map<number, number>();
  /** The free blocks, oldest first: a ring of links through the entry after the last block. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(size: number) {
    this.size = size;
    this.#free = size;
    this.#holders = new Int32Array(size);
    this.#hashes = new Float64Array(size).fill(Number.NaN);
    this.#next = Int32Array.from({ length: size + 1 }, (_, block) => (block === size ? 0 : block + 1));
    this.#previous = Int32Array.from({ length: size + 1 }, (_, block) => (block === 0 ? size : block - 1));
  }

  get free(): number {
    return this.#free;
  }

  isFree(block: number): boolean {
    return this.#holders[block] === 0;
  }

  /** Takes the block that has been free for longest and forgets its content. There must be a free one. */
  take(): number {
    const block = this.#next[this.size]!;
    const hash = this.#hashes[block]!;
    if (!Number.isNaN(hash)) {
      this.#byHash.delete(hash);
      this.#hashes[block] = Number.NaN;
    }
    this.hold(block);
    return block;
  }

  /** One more holder of a block, its content kept. */
  hold(block: number): void {
    if (this.#holders[block]!++ > 0) return;
    const [previous, next] = [this.#previous[block]!, this.#next[block]!];
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#free--;
  }

  /** Gives up a sequence's blocks, the last first: the beginning of a text is shared most often and stays longest. */
  releaseAll(blocks: number[]): void {
    for (let block = blocks.pop(); block !== undefined; block = blocks.pop()) {
      if (--this.#holders[block]! > 0) continue;
      const last = this.#previous[this.size]!;
      this.#next[last] = block;
      this.#previous[block] = last;
      this.#next[block] = this.size;
      this.#previous[this.size] = block;
      this.#free++;
    }
  }

  /** The block that holds this content, held or free. */
  find(hash: number): number | undefined {
    return this.#byHash.get(hash);
  }

  /** Makes a block findable by its content. The first of two with the same content stays the one that is found. */
  remember(block: number, hash: number): void {
    if (this.#byHash.has(hash)) return;
    this.#byHash.set(hash, block);
    this.#hashes[block] = hash;
  }
}
