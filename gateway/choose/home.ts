import type { Endpoint } from '../endpoint/endpoint.ts';
import type { PromptBlocks } from '../endpoint/prefix/prompt-blocks.ts';

/**
 * Where a prompt goes that several gateways bring which do not know each other's prompts: each of them finds the same endpoint by the
 * prompt alone. It is the one with the highest hash of its URL and a block of the prompt's, so that an endpoint that leaves moves its own
 * prompts alone (rendezvous hashing). The block is the last of a power of two in the prompt's first half: questions of different lengths
 * behind one long system prompt have it in common, and prompts that only begin with the same few words do not.
 * @returns undefined for a prompt of less than two blocks, and without endpoints
 */
export function homeOf<E extends Pick<Endpoint, 'url'>>(endpoints: readonly E[], blocks: PromptBlocks): E | undefined {
  const count = blocks.length / 2;
  if (count < 2) return undefined;
  const last = 2 ** Math.floor(Math.log2(count / 2)) - 1;
  const seed = blocks[2 * last]! ^ blocks[2 * last + 1]!;
  let home: E | undefined;
  let highest = -1;
  for (const endpoint of endpoints) {
    const hash = hashOf(endpoint.url, seed);
    if (hash <= highest) continue;
    highest = hash;
    home = endpoint;
  }
  return home;
}

/** Of the requests that the endpoints hold, the share in [0, 1] that others sent: other gateways, as far as their pages tell. */
export function othersShare(endpoints: readonly Pick<Endpoint, 'load' | 'inFlight'>[]): number {
  let [all, own] = [0, 0];
  for (const { load, inFlight } of endpoints) {
    all += load;
    own += inFlight;
  }
  return all === 0 ? 0 : 1 - own / all;
}

/** A whole number below 2³². All of its bits depend on all of the text. Source: FNV-1a, and the finalizer of MurmurHash3. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
