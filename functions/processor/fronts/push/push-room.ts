import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BufferedBytes, Release } from '../../buffered-bytes.ts';

/** The room of pushes: each has it from before it is read until its delivery has ended, whether its sender still waits or not. */
export class PushRoom {
  readonly #bytes: Pick<BufferedBytes, 'tryHold'>;
  readonly #unread = new WeakMap<IncomingMessage, Release>();

  constructor(bytes: Pick<BufferedBytes, 'tryHold'>) {
    this.#bytes = bytes;
  }

  /** Whether there is room for a body of this size. A push that never gets as far as its delivery gives it back at its end. */
  admit(request: IncomingMessage, response: ServerResponse, sizeBytes: number): boolean {
    const release = this.#bytes.tryHold(sizeBytes);
    if (!release) return false;
    this.#unread.set(request, release);
    response.once('close', () => {
      if (this.#unread.delete(request)) release();
    });
    return true;
  }

  /** Keeps the push's room while `delivery` runs. */
  async during<T>(request: IncomingMessage, delivery: () => Promise<T>): Promise<T> {
    const release = this.#unread.get(request);
    this.#unread.delete(request);
    try {
      return await delivery();
    } finally {
      release?.();
    }
  }
}
