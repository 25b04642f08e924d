import type { PromptBlocks } from '../../../gateway/endpoint/prefix/prompt-blocks.ts';

/** What a gateway would hash of blocks with these numbers: all bits of a hash depend on all of its number, as those of a real one. */
export function hashesOf(count: number, numberOf: (block: number) => number): PromptBlocks {
  const hashes = new Uint32Array(2 * count);
  for (let block = 0; block < count; block += 1) {
    const number = numberOf(block);
    hashes[2 * block] = number;
    hashes[2 * block + 1] = mixed(number);
  }
  return hashes;
}

/** Source: the finalizer of MurmurHash3. */
function mixed(number: number): number {
  let hash = number ^ (number >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
