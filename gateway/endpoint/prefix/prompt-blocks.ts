/** Bytes of one block of prompt: about 64 tokens. Protocol: the block size of the endpoint picker's prefix scorer. */
export const blockBytes = 256;
/** What lies behind a quarter of a million tokens tells no two prompts apart that matter. Derived: of 64 tokens each. */
const mostBlocks = 4096;

/** What decides, beside the prompt itself, which prompts share a prefix in an engine's cache. */
export interface PromptScope {
  readonly model: string;
  /** Empty where the request brings none. */
  readonly cacheSalt: string;
  /** Keys of the body that may hold the prompt; the first one that it has counts. */
  readonly promptKeys: readonly string[];
}

/** Two 32-bit halves of a 64-bit hash for each whole block, in order; each covers everything up to its block's end. */
export type PromptBlocks = Uint32Array;

/**
 * Hashes the prompt as it stands in a JSON body, unparsed: two bodies share leading blocks as long as their prompts are written alike
 * and are for the same model and cache salt. What comes before the prompt, such as sampling parameters, does not count.
 */
export function promptBlocks(body: Buffer, { model, cacheSalt, promptKeys }: PromptScope): PromptBlocks {
  const start = promptStart(body, promptKeys);
  const count = Math.min(mostBlocks, Math.floor((body.length - start) / blockBytes));
  const blocks = new Uint32Array(2 * count);
  const view = new DataView(body.buffer, body.byteOffset + start, count * blockBytes);
  let high = 0x9e3779b1;
  let low = 0x85ebca77;
  const scope = cacheSalt === '' ? model : JSON.stringify([model, cacheSalt]);
  for (let at = 0; at < scope.length; at += 1) {
    high = Math.imul(high ^ scope.charCodeAt(at), 0x01000193);
    low = Math.imul(low, 31) + scope.charCodeAt(at);
  }
  for (let block = 0, at = 0; block < count; block += 1) {
    for (const end = at + blockBytes; at < end; at += 4) {
      const word = view.getInt32(at, true);
      high = Math.imul(((high << 13) | (high >>> 19)) ^ word, 0x9e3779b1);
      low = Math.imul(((low << 11) | (low >>> 21)) + word, 0xc2b2ae3d);
    }
    blocks[2 * block] = high ^ (high >>> 15);
    blocks[2 * block + 1] = low ^ (low >>> 13);
  }
  return blocks;
}

function promptStart(body: Buffer, promptKeys: readonly string[]): number {
  for (const key of promptKeys) {
    const at = body.indexOf(`"${key}"`);
    if (at >= 0) return at;
  }
  return 0;
}
