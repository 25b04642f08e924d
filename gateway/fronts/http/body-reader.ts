import type { IncomingMessage } from 'node:http';
import { type Refusal, refusal } from '../../refusal.ts';
import { Pieces } from './pieces.ts';

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
/** A body of less comes in whatever others hold: a handful that never end must not keep everyone out. */
const alwaysTakenBytes = 64 * 1024;
const tooMuchAtOnce = refusal('saturated', 'too many large bodies are coming in at once');

/** Reads bodies whole: each up to a limit, and all that are still coming in up to another, since every client that connects may begin one. */
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
    let pieces: Pieces | undefined = new Pieces();
    /** The pieces, to the first caller alone; what comes later counts no more. */
    const settle = (): Pieces | undefined => {
      const all = pieces;
      this.#comingBytes -= all?.sizeBytes ?? 0;
      pieces = undefined;
      return all;
    };
    request.on('data', (chunk: Buffer) => {
      if (!pieces) return;
      pieces.add(chunk);
      this.#comingBytes += chunk.length;
      const tooLarge = pieces.sizeBytes > this.#mostBytes;
      const tooMuch = this.#comingBytes > this.#mostComingBytes && pieces.sizeBytes > alwaysTakenBytes;
      if (!tooLarge && !tooMuch) return;
      settle();
      listener.refused(tooLarge ? this.#tooLarge() : tooMuchAtOnce);
    });
    request.on('end', () => {
      const all = settle();
      if (all) listener.taken(all.joined());
    });
    request.on('error', () => {
      if (settle()) listener.gone();
    });
  }

  #tooLarge(): Refusal {
    return refusal('request_too_large', `the body is larger than ${this.#mostBytes} bytes`);
  }
}
