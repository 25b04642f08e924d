import { everyApiRoute, type UsageKeys } from './api-routes.ts';

/** Tokens as an answer reports them in its `usage`: whole numbers from 0 to `mostTokens`; undefined where it says nothing that can be true. */
export interface Usage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
  /** Prompt tokens that were found in the prefix cache. vLLM says nothing of them unless it is started with `--enable-prompt-tokens-details`. */
  readonly cachedTokens: number | undefined;
}

/**
 * No request has more tokens: an answer that says so has lost its count, and would poison what is learned from it. Derived: a thousand
 * times the longest context.
 */
export const mostTokens = 1e9;

/** The names that the routes have for each count, each name once. */
const namesOf: Readonly<Record<keyof UsageKeys, readonly string[]>> = {
  prompt: namesUnder('prompt'),
  completion: namesUnder('completion'),
  cached: namesUnder('cached'),
};

const key = '"usage":';
/** A longer object is no usage. vLLM's has 100 to 400 bytes. Derived: ten times that. */
const mostUsageBytes = 4096;
const [quote, backslash, opening, closing] = [0x22, 0x5c, 0x7b, 0x7d];

/**
 * Finds the last `usage` object of an answer, streamed or not, in whatever pieces its bytes come and whatever follows it. The key cannot
 * stand within a JSON string, where its quotes would be escaped. What is kept is bounded.
 */
export class UsageReader {
  /** The end of the last piece, where the key may have begun in it. */
  #keyBegun = '';
  /** What follows the key, up to the end of the object; undefined while no object is open. */
  #open: OpenObject | undefined;
  #last: string | undefined;

  /** Reads the next piece of the answer. */
  push(piece: Buffer): void {
    let from = this.#open ? this.#readOn(piece, 0) : 0;
    if (this.#keyBegun !== '') {
      const missing = key.slice(this.#keyBegun.length);
      const seam = piece.toString('latin1', 0, missing.length);
      if (seam === missing) from = this.#begin(piece, missing.length);
      // A piece may be shorter than what is missing of the key.
      else if (missing.startsWith(seam)) {
        this.#keyBegun += seam;
        return;
      }
    }
    const found = piece.lastIndexOf(key, undefined, 'latin1');
    if (found >= from) this.#begin(piece, found + key.length);
    this.#keyBegun = this.#open ? '' : beginningAtTheEndOf(piece);
  }

  /** Of the object that was read last; undefined where there was none, or none with a number that can be true. */
  get usage(): Usage | undefined {
    if (this.#last === undefined) return undefined;
    let parsed: unknown;
    try {
      parsed = JSON.parse(this.#last);
    } catch {
      return undefined;
    }
    const object = parsed as Readonly<Record<string, unknown>>;
    const usage: Usage = {
      promptTokens: countUnder('prompt', object),
      completionTokens: countUnder('completion', object),
      cachedTokens: countInside(object),
    };
    return Object.values(usage).some((count) => count !== undefined) ? usage : undefined;
  }

  #begin(piece: Buffer, from: number): number {
    this.#keyBegun = '';
    this.#open = new OpenObject();
    return this.#readOn(piece, from);
  }

  /** Returns where the piece goes on after the object. */
  #readOn(piece: Buffer, from: number): number {
    const { text, end } = this.#open!.read(piece, from);
    if (end === undefined) return piece.length;
    this.#open = undefined;
    if (text !== undefined) this.#last = text;
    return end;
  }
}

/** The last `usage` object of a whole text. */
export function readUsage(text: string): Usage | undefined {
  const reader = new UsageReader();
  reader.push(Buffer.from(text));
  return reader.usage;
}

/** A JSON object that is read up to its closing brace. */
class OpenObject {
  #text = '';
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** `end` is where it ends in the piece, undefined while it goes on; `text` is the object, undefined where it is none. */
  read(piece: Buffer, from: number): { readonly text?: string; readonly end?: number } {
    const most = Math.min(piece.length, from + mostUsageBytes - this.#text.length);
    for (let at = from; at < most; at += 1) {
      const byte = piece[at]!;
      if (this.#depth === 0 && byte !== opening) {
        if (isSpace(byte)) continue;
        return { end: at };
      }
      if (!this.#closesWith(byte)) continue;
      return { text: this.#text + piece.toString('latin1', from, at + 1), end: at + 1 };
    }
    this.#text += piece.toString('latin1', from, most);
    return this.#text.length >= mostUsageBytes ? { end: most } : {};
  }

  #closesWith(byte: number): boolean {
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString && byte === backslash) this.#escaped = true;
    else if (byte === quote) this.#inString = !this.#inString;
    else if (!this.#inString && byte === opening) this.#depth += 1;
    else if (!this.#inString && byte === closing) this.#depth -= 1;
    return this.#depth === 0;
  }
}

/** The longest beginning of the key with which the piece ends. */
function beginningAtTheEndOf(piece: Buffer): string {
  for (let at = Math.max(0, piece.length - key.length + 1); at < piece.length; at += 1) {
    if (piece[at] !== quote) continue;
    const end = piece.toString('latin1', at);
    if (key.startsWith(end)) return end;
  }
  return '';
}

function namesUnder(what: keyof UsageKeys): readonly string[] {
  return [...new Set(everyApiRoute.map(({ usageKeys }) => usageKeys[what]))];
}

/** As JSON has it. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function countUnder(what: keyof UsageKeys, object: Readonly<Record<string, unknown>>): number | undefined {
  for (const name of namesOf[what]) {
    const count = object[name];
    if (isCount(count)) return count;
  }
  return undefined;
}

/** The cached count stands in an object inside the usage. */
function countInside(object: Readonly<Record<string, unknown>>): number | undefined {
  for (const inner of Object.values(object)) {
    if (typeof inner !== 'object' || inner === null) continue;
    const count = countUnder('cached', inner as Readonly<Record<string, unknown>>);
    if (count !== undefined) return count;
  }
  return undefined;
}

/** Null, fractions, negative numbers and what exceeds `mostTokens` count as absent. */
function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostTokens;
}
