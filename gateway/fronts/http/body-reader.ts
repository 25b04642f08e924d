import { alwaysLightBytes, JsonWeight } from '../../admit/json-weight.ts';
import { type Refusal, refusal } from '../../refusal.ts';
import { type BodyBudget, HeldBody } from './held-body.ts';
import { Pieces } from './pieces.ts';

/** Where the bytes of a body come from: a request over HTTP, or what brings them piece by piece in the same way. */
export interface BodySource {
  readonly headers: { readonly 'content-length'?: string | string[] | undefined };
  on(event: 'data', hear: (chunk: Buffer) => void): unknown;
  on(event: 'end' | 'error', hear: () => void): unknown;
}

/** Told once what became of a body. */
export interface BodyListener {
  taken(body: HeldBody): void;
  /** What is left of it is still to be read or cut off. */
  refused(refusal: Refusal): void;
  /** It never came whole: the client left, or was too slow. */
  gone(): void;
}

/** How much of bodies is read. */
export interface BodyLimits {
  /** Of one body. */
  readonly mostBytes: number;
  /** Of all bodies that are still coming in, or as much as one may have. */
  readonly mostComingBytes?: number;
  readonly budget: BodyBudget;
}

/** Derived: half of the default of `MAX_BUFFERED_BYTES`. */
const usualMostComingBytes = 256 * 1024 * 1024;
/**
 * A smaller body is read even while unfinished bodies hold all of the memory: a handful that never end must not keep all others out.
 * Derived: most chats are below it, and a thousand of them are 64 MB.
 */
const alwaysTakenBytes = 64 * 1024;
const buffersFull = refusal('buffers_full', 'the gateway holds as many bodies as it may');
const tooHeavy = refusal('invalid_request', 'the body holds too many arrays, objects and values');

/**
 * Reads bodies whole: each up to a limit, all that are held here up to another, and those that are still coming in up to a third, since
 * every client that connects may begin one. A body that would take too long to parse is refused as soon as that shows.
 */
export class BodyReader {
  readonly #mostBytes: number;
  readonly #mostComingBytes: number;
  readonly #budget: BodyBudget;
  #comingBytes = 0;

  constructor({ mostBytes, mostComingBytes = usualMostComingBytes, budget }: BodyLimits) {
    this.#mostBytes = mostBytes;
    this.#mostComingBytes = Math.max(mostBytes, mostComingBytes);
    this.#budget = budget;
  }

  read(request: BodySource, listener: BodyListener): void {
    const statedBytes = Number(request.headers['content-length'] ?? 0);
    const refused = this.#refusalOf(statedBytes);
    if (refused) {
      listener.refused(refused);
      return;
    }
    let pieces: Pieces | undefined = new Pieces();
    let weight: JsonWeight | undefined;
    /** The pieces, for the event that comes first; what comes after the end of it counts no more. */
    const settle = (): Pieces | undefined => {
      const all = pieces;
      this.#comingBytes -= all?.sizeBytes ?? 0;
      pieces = undefined;
      return all;
    };
    const refuse = (refused: Refusal): void => {
      this.#budget.release(settle()?.sizeBytes ?? 0);
      listener.refused(refused);
    };
    const weigh = (chunk: Buffer): boolean => {
      if (!pieces || pieces.sizeBytes <= alwaysLightBytes) return true;
      if (weight) return weight.add(chunk);
      weight = new JsonWeight();
      return pieces.all().every((piece) => weight?.add(piece));
    };
    request.on('data', (chunk: Buffer) => {
      if (!pieces) return;
      pieces.add(chunk);
      this.#comingBytes += chunk.length;
      this.#budget.hold(chunk.length);
      if (pieces.sizeBytes > this.#mostBytes) refuse(this.#tooLarge());
      else if (this.#isFull(pieces)) refuse(buffersFull);
      else if (!weigh(chunk)) refuse(tooHeavy);
    });
    request.on('end', () => {
      const all = settle();
      if (all) listener.taken(new HeldBody(all.joined(), this.#budget));
    });
    request.on('error', () => {
      const all = settle();
      if (!all) return;
      this.#budget.release(all.sizeBytes);
      listener.gone();
    });
  }

  /** Before a byte of it was read. */
  #refusalOf(statedBytes: number): Refusal | undefined {
    if (statedBytes > this.#mostBytes) return this.#tooLarge();
    return this.#budget.fits(statedBytes) ? undefined : buffersFull;
  }

  #isFull({ sizeBytes }: Pieces): boolean {
    return !this.#budget.fits(0) || (this.#comingBytes > this.#mostComingBytes && sizeBytes > alwaysTakenBytes);
  }

  #tooLarge(): Refusal {
    return refusal('request_too_large', `the body is larger than ${this.#mostBytes} bytes`);
  }
}
