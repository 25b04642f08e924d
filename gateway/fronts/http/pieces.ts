/**
 * What comes in smaller pieces than this is copied together: each piece that is kept holds a buffer of the connection's. Derived: a page of
 * memory.
 */
const smallBytes = 4096;
/** Bytes of one such copy. Derived: the buffer of a connection. */
const blockBytes = 64 * 1024;

/** Bytes that come piece by piece. However small the pieces are, it takes little more memory than their bytes. */
export class Pieces {
  readonly #whole: Buffer[] = [];
  #block: Buffer | undefined;
  #filledBytes = 0;
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(piece: Buffer): void {
    this.#sizeBytes += piece.length;
    // Most bodies are one piece.
    if (piece.length >= smallBytes || this.#sizeBytes === piece.length) {
      this.#cut();
      this.#whole.push(piece);
      return;
    }
    if (this.#block && this.#filledBytes + piece.length > this.#block.length) {
      this.#cut();
      this.#block = undefined;
    }
    this.#block ??= Buffer.allocUnsafeSlow(blockBytes);
    this.#filledBytes += piece.copy(this.#block, this.#filledBytes);
  }

  /** The bytes so far, in pieces of any size. */
  all(): readonly Buffer[] {
    this.#cut();
    return this.#whole;
  }

  joined(): Buffer {
    this.#cut();
    return this.#whole.length === 1 ? this.#whole[0]! : Buffer.concat(this.#whole, this.#sizeBytes);
  }

  /** What is filled of the block becomes a piece; the rest of it is filled on. */
  #cut(): void {
    if (this.#block && this.#filledBytes > 0) {
      this.#whole.push(this.#block.subarray(0, this.#filledBytes));
      this.#block = this.#block.subarray(this.#filledBytes);
    }
    this.#filledBytes = 0;
  }
}
