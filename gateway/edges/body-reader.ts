import type { IncomingMessage } from 'node:http';
import { type Refusal, refusal } from '../decisions/refusals.ts';

/** Told once what became of a body. */
export interface BodyListener {
  taken(body: Buffer): void;
  /** What is left of it is still to be read or cut off. */
  refused(refusal: Refusal): void;
  /** It never came whole: the client left, or was too slow. */
  gone(): void;
}

/** Of bodies that are coming in, or as much as one may have. */
const usualMostComingBytes = 256 * 1024 * 1024;
const tooMuchAtOnce = refusal('saturated', 'too many large bodies are coming in at once');

/** Reads bodies whole: each up to a limit, and all that are still coming in up to another, since whoever connects may begin one. */
export class BodyReader {
  readonly #mostBytes: number;
  readonly #mostComingBytes: number;
  #comingBytes = 0;

  constructor(mostBytes: number, mostComingBytes = usualMostComingBytes) {
    this.#mostBytes = mostBytes;
    this.#mostComingBytes = Math.max(mostBytes, mostComingBytes);
  }

  read(request: IncomingMessage, listener: BodyListener): void {
    if (Number(request.headers['content-length']) > this.#mostBytes) {
      listener.refused(this.#tooLarge());
      return;
    }
    let chunks: Buffer[] | undefined = [];
    let sizeBytes = 0;
    /** The chunks, for whoever comes first; what comes after the end of it counts no more. */
    const settle = (): Buffer[] | undefined => {
      const all = chunks;
      if (all) this.#comingBytes -= sizeBytes;
      chunks = undefined;
      return all;
    };
    request.on('data', (chunk: Buffer) => {
      if (!chunks) return;
      sizeBytes += chunk.length;
      this.#comingBytes += chunk.length;
      chunks.push(chunk);
      const tooLarge = sizeBytes > this.#mostBytes;
      if (!tooLarge && this.#comingBytes <= this.#mostComingBytes) return;
      settle();
      listener.refused(tooLarge ? this.#tooLarge() : tooMuchAtOnce);
    });
    request.on('end', () => {
      const all = settle();
      if (all) listener.taken(all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all, sizeBytes));
    });
    request.on('error', () => {
      if (settle()) listener.gone();
    });
  }

  #tooLarge(): Refusal {
    return refusal('request_too_large', `the body is larger than ${this.#mostBytes} bytes`);
  }
}
