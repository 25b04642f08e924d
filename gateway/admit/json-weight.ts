const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openArray, openObject] = [0x5b, 0x7b];

/** Parsing takes some 20 ns for a number in a list; for an array, an object or a key up to fifty times as much. Measured with Node 24. */
const weightOfStructure = 20;
/** Measured: short texts that all differ take 0.4 µs each. */
const weightOfText = 15;
/**
 * Three million token ids, 190,000 texts, 150,000 arrays or objects, or 85,000 keys: less than a tenth of a second at the worst. Derived:
 * three million times some 20 ns.
 */
const mostWeight = 3_000_000;
/** Derived: a body up to this size cannot weigh more, whatever it holds. */
export const alwaysLightBytes = mostWeight / weightOfStructure;
/**
 * The bytes of a text that are looked at one by one, before the search for its end begins to pay. Measured: a search takes 25 ns, as does
 * looking at this many.
 */
const shortTextBytes = 32;

/**
 * Tells whether parsing a text as JSON, valid or not, would delay all other requests: 32 MiB of `[` or `{},` take seconds, 32 MiB of
 * prompt do not. The text comes in pieces.
 */
export class JsonWeight {
  #weight = 0;
  #inText = false;
  /** The piece before ended with a backslash within a text. */
  #escapes = false;

  /** Weighs the next piece; false once the text is too heavy. */
  add(piece: Buffer): boolean {
    let at = this.#escapes && piece.length > 0 ? 1 : 0;
    if (piece.length > 0) this.#escapes = false;
    while (at < piece.length && this.#weight <= mostWeight) {
      at = this.#inText ? this.#skipText(piece, at) : this.#weighUntilText(piece, at);
    }
    return this.#weight <= mostWeight;
  }

  #weighUntilText(piece: Buffer, from: number): number {
    let weight = this.#weight;
    let at = from;
    while (at < piece.length && weight <= mostWeight) {
      const byte = piece[at];
      at += 1;
      if (byte === comma) weight += 1;
      else if (byte === colon || byte === openArray || byte === openObject) weight += weightOfStructure;
      else if (byte === quote) {
        weight += weightOfText;
        this.#inText = true;
        break;
      }
    }
    this.#weight = weight;
    return at;
  }

  /** Looks at some bytes one by one, and jumps to the next quote where there was none. */
  #skipText(piece: Buffer, from: number): number {
    const until = Math.min(piece.length, from + shortTextBytes);
    let at = from;
    while (at < until) {
      if (piece[at] === quote) {
        this.#inText = false;
        return at + 1;
      }
      at += piece[at] === backslash ? 2 : 1;
    }
    if (at < piece.length) return this.#jump(piece, at);
    this.#escapes = at > piece.length;
    return piece.length;
  }

  /** From a byte that is not escaped to behind the next quote. */
  #jump(piece: Buffer, from: number): number {
    const found = piece.indexOf(quote, from);
    const end = found < 0 ? piece.length : found;
    let backslashes = end;
    while (backslashes > from && piece[backslashes - 1] === backslash) backslashes -= 1;
    // An odd number of them escapes what follows.
    const isEscaped = (end - backslashes) % 2 === 1;
    if (found < 0) this.#escapes = isEscaped;
    else if (!isEscaped) this.#inText = false;
    return found < 0 ? piece.length : found + 1;
  }
}
