/** Bytes of the bodies that are held here, of requests that come in, wait or run without a first byte; one for the process. */
export class BodyBudget {
  readonly #mostBytes: number;
  #heldBytes = 0;

  /** @param mostBytes that may be held at once, `MAX_BUFFERED_BYTES` */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether this many more bytes may be held. */
  fits(sizeBytes: number): boolean {
    return this.#heldBytes + sizeBytes <= this.#mostBytes;
  }

  hold(sizeBytes: number): void {
    this.#heldBytes += sizeBytes;
  }

  release(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes;
  }
}

/** What can be sent to an endpoint, with the headers that it needs. */
export interface SendableBody {
  readonly body: Buffer | AsyncIterable<Buffer>;
  readonly headers: readonly string[];
}

/**
 * From this size on a body is handed over so that nothing holds it once it is sent. Measured: below, handing over the buffer itself is
 * cheaper, and the connection's own buffers are as large.
 */
const largeBytes = 64 * 1024;

/** The body of a request, held until an answer begins: until then it may have to be sent again. */
export class HeldBody {
  readonly sizeBytes: number;
  readonly #budget: Pick<BodyBudget, 'release'>;
  #bytes: Buffer | undefined;

  /** @param budget where its bytes are counted already */
  constructor(bytes: Buffer, budget: Pick<BodyBudget, 'release'>) {
    this.sizeBytes = bytes.length;
    this.#bytes = bytes;
    this.#budget = budget;
  }

  /** @throws {Error} once it was released. */
  get bytes(): Buffer {
    if (!this.#bytes) throw new Error('the body was released');
    return this.#bytes;
  }

  /**
   * The body for one attempt. A large one comes as an iterable, for two reasons: the client library holds a buffer until the answer has
   * ended, and sends the next request behind one that is stuck halfway, where its endpoint has answered early.
   */
  toSend(): SendableBody {
    const { bytes } = this;
    if (bytes.length < largeBytes) return { body: bytes, headers: [] };
    return { body: new SentOnce(bytes), headers: ['content-length', String(bytes.length)] };
  }

  /** Other bytes are sent instead: of nearly the same size, and counted as before. */
  replace(bytes: Buffer): void {
    if (this.#bytes) this.#bytes = bytes;
  }

  /** Nothing here holds the bytes any more. Only the first call counts. */
  release(): void {
    if (!this.#bytes) return;
    this.#bytes = undefined;
    this.#budget.release(this.sizeBytes);
  }
}

/** Gives the bytes in one piece and forgets them. */
class SentOnce implements AsyncIterableIterator<Buffer> {
  #bytes: Buffer | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): Promise<IteratorResult<Buffer>> {
    const value = this.#bytes;
    this.#bytes = undefined;
    return Promise.resolve(value ? { value, done: false } : { value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
