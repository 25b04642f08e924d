import { usualBlockTokens } from '../engine/block-size.ts';

const longestWordToken = 6;
const space = 32;

/**
 * Where the tokens of a text end, as offsets. A token is up to six letters or digits, with the space before them, or any other single
 * character: about four bytes of English.
 */
export function tokenEnds(text: string): number[] {
  const ends: number[] = [];
  let at = 0;
  while (at < text.length) {
    if (text.charCodeAt(at) === space && isWordCode(text.charCodeAt(at + 1))) at++;
    if (isWordCode(text.charCodeAt(at))) at = wordTokenEnd(text, at);
    else at++;
    ends.push(at);
  }
  return ends;
}

/** The tokens themselves; joined they are the text. */
export function tokensOf(text: string): string[] {
  let start = 0;
  return tokenEnds(text).map((end) => {
    const token = text.slice(start, end);
    start = end;
    return token;
  });
}

/** One hash for each full block of tokens, each over everything up to the block's end. Whole numbers below 2^52. */
export function hashBlocks(text: string, ends: readonly number[], blockTokens = usualBlockTokens): number[] {
  const hashes: number[] = [];
  const hash = new ChainedHash();
  let start = 0;
  for (let last = blockTokens - 1; last < ends.length; last += blockTokens) {
    const end = ends[last]!;
    hash.add(text, start, end);
    hashes.push(hash.value());
    start = end;
  }
  return hashes;
}

/** Below 2^52. */
export function hashText(text: string): number {
  const hash = new ChainedHash();
  hash.add(text, 0, text.length);
  return hash.value();
}

/** Two 32-bit FNV-like lanes: not for adversaries. */
class ChainedHash {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  add(text: string, start: number, end: number): void {
    let [a, b] = [this.#a, this.#b];
    for (let at = start; at < end; at++) {
      const code = text.charCodeAt(at);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul((b << 5) ^ (b >>> 27) ^ code, 0x85ebca6b);
    }
    [this.#a, this.#b] = [a, b];
  }

  value(): number {
    return (this.#a >>> 0) * 2 ** 20 + (this.#b >>> 12);
  }
}

function wordTokenEnd(text: string, start: number): number {
  let end = start;
  while (isWordCode(text.charCodeAt(end)) && (end - start < longestWordToken || isLowSurrogate(text.charCodeAt(end)))) {
    end++;
  }
  return end;
}

/** Everything beyond ASCII counts as a letter; NaN, past the end, does not. */
function isWordCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code > 127;
}

/** The second half of a character must not begin a token. */
function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
