import type { PromptBlocks } from './prompt-blocks.ts';

/** Blocks of one set. Derived: one 64-byte cache line of hashes. */
const ways = 8;
/** Derived: with eight blocks each, more tokens than the caches of today's engines hold. */
const sets = 4096;
/** Blocks that an index can hold: 2 million tokens in 512 KB. */
export const mostBlocks = ways * sets;
/** The horizon never sinks below it. Derived: one long prompt. */
const fewestBlocks = 256;

/** What is known of a prompt's beginning on one endpoint. */
export interface PrefixMatch {
  /** Leading blocks that were sent there and should still be cached. */
  readonly blocks: number;
  /** Blocks that came there since the least recently used of them. */
  readonly age: number;
}

/**
 * The prompt blocks that one endpoint computed last: what its prefix cache should hold. Least recently used blocks go first, within
 * each set of eight. Blocks older than the horizon no longer count: it shrinks when an answer tells that they were not cached,
 * and grows while they are.
 */
export class PrefixIndex {
  readonly #high = new Uint32Array(mostBlocks);
  readonly #low = new Uint32Array(mostBlocks);
  /** When each was used last, in blocks stored; 0 is empty. */
  readonly #usedAt = new Float64Array(mostBlocks);
  #stored = 1;
  #horizon = mostBlocks;

  /** In blocks. */
  get horizon(): number {
    return this.#horizon;
  }

  match(blocks: PromptBlocks, horizon = this.#horizon): PrefixMatch {
    let count = 0;
    let age = 0;
    for (let index = 0; index < blocks.length; index += 2) {
      const place = this.#find(blocks[index]!, blocks[index + 1]!);
      if (place < 0) break;
      const itsAge = this.#stored - this.#usedAt[place]!;
      if (itsAge > horizon) break;
      age = Math.max(age, itsAge);
      count += 1;
    }
    return { blocks: count, age };
  }

  /** The endpoint computes this prompt, or uses it once more. */
  store(blocks: PromptBlocks): void {
    for (let index = 0; index < blocks.length; index += 2) {
      const [high, low] = [blocks[index]!, blocks[index + 1]!];
      let place = this.#find(high, low);
      if (place < 0) {
        this.#stored += 1;
        place = this.#oldestOf(low);
        this.#high[place] = high;
        this.#low[place] = low;
      }
      this.#usedAt[place] = this.#stored;
    }
  }

  /**
   * An answer told how much of a match was really cached. The horizon learns from it: a miss shortens it by a twentieth, a hit among the
   * older half lengthens it by a fiftieth, so that it stands where two of seven old matches miss.
   */
  correct(match: PrefixMatch, cachedBlocks: number): void {
    if (match.blocks === 0) return;
    if (cachedBlocks < match.blocks / 2) {
      this.#horizon = Math.max(fewestBlocks, Math.min(this.#horizon * 0.95, match.age));
    } else if (match.age > this.#horizon / 2) {
      this.#horizon = Math.min(mostBlocks, this.#horizon * 1.02);
    }
  }

  #find(high: number, low: number): number {
    const first = (low % sets) * ways;
    for (let place = first; place < first + ways; place += 1) {
      if (this.#low[place] === low && this.#high[place] === high && this.#usedAt[place]! > 0) return place;
    }
    return -1;
  }

  #oldestOf(low: number): number {
    const first = (low % sets) * ways;
    let oldest = first;
    for (let place = first + 1; place < first + ways; place += 1) {
      if (this.#usedAt[place]! < this.#usedAt[oldest]!) oldest = place;
    }
    return oldest;
  }
}
