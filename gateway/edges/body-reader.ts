import type { IncomingMessage } from 'node:http';
import { type Refusal, refusal } from '../decisions/refusals.ts';

/** A body that is not taken, and what its client hears. */
export class RefusedBody extends Error {
  readonly refusal: Refusal;

  constructor(refused: Refusal) {
    super(refused.message);
    this.name = 'RefusedBody';
    this.refusal = refused;
  }
}

/** Told once: the body, or why there is none. */
type Done = (error: Error | null, body?: Buffer) => void;

/** Reads bodies whole: each up to a limit, and all that are still coming in up to another, since whoever connects may begin one. */
export class BodyReader {
  readonly #mostBytes: number;
  readonly #mostComingBytes: number;
  #comingBytes = 0;

  constructor(mostBytes: number, mostComingBytes: number) {
    this.#mostBytes = mostBytes;
    this.#mostComingBytes = mostComingBytes;
  }

  read(request: IncomingMessage, done: Done): void {
    if (Number(request.headers['content-length']) > this.#mostBytes) {
      done(this.#tooLarge());
      return;
    }
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const settle = (error: Error | null): void => {
      request.off('data', take);
      request.off('end', end);
      request.off('error', settle);
      this.#comingBytes -= sizeBytes;
      done(error, error ? undefined : Buffer.concat(chunks, sizeBytes));
    };
    const end = (): void => settle(null);
    const take = (chunk: Buffer): void => {
      sizeBytes += chunk.length;
      this.#comingBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes > this.#mostBytes) settle(this.#tooLarge());
      else if (this.#comingBytes > this.#mostComingBytes) settle(this.#tooMuchAtOnce());
    };
    request.on('data', take);
    request.on('end', end);
    request.on('error', settle);
  }

  #tooLarge(): RefusedBody {
    return new RefusedBody(refusal('request_too_large', `the body is larger than ${this.#mostBytes} bytes`));
  }

  #tooMuchAtOnce(): RefusedBody {
    return new RefusedBody(refusal('saturated', 'too many large bodies are coming in at once'));
  }
}
