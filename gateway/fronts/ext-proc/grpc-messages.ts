import type { BodyBudget } from '../http/held-body.ts';
import { Pieces } from '../http/pieces.ts';

/** gRPC's status codes, those that are used here. Source: https://grpc.io/docs/guides/status-codes/ */
export const grpcStatus = { ok: 0, notFound: 5, resourceExhausted: 8, unimplemented: 12, internal: 13 } as const;

/** The bytes are no messages that are taken here; the stream ends with this status. */
export class GrpcFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A byte that says whether the message is compressed, and four with its length. Source: gRPC over HTTP/2. */
const headBytes = 5;

/** Bounds of what is held. */
export interface GrpcMessagesOptions {
  readonly mostMessageBytes: number;
  /** Where messages that have not come whole are counted. */
  readonly budget: Pick<BodyBudget, 'fits' | 'hold' | 'release'>;
}

/** Cuts a stream of bytes into gRPC messages, in whatever pieces they come. */
export class GrpcMessages {
  readonly #options: GrpcMessagesOptions;
  /** Of the message that has begun; undefined where none has. */
  #begun: Pieces | undefined;
  /** What it takes to go on. */
  #neededBytes = headBytes;

  constructor(options: GrpcMessagesOptions) {
    this.#options = options;
  }

  /**
   * Gives `take` each message that is whole with this chunk. They are parts of the chunk, and are not copied.
   * @throws {GrpcFault} where the bytes are no messages, or too many of them.
   */
  push(chunk: Buffer, take: (message: Buffer) => void): void {
    const bytes = this.#joined(chunk);
    if (!bytes) return;
    let at = 0;
    this.#neededBytes = headBytes;
    while (bytes.length - at >= headBytes) {
      const sizeBytes = this.#sizeAt(bytes, at);
      if (bytes.length - at < headBytes + sizeBytes) {
        this.#neededBytes = headBytes + sizeBytes;
        break;
      }
      take(bytes.subarray(at + headBytes, at + headBytes + sizeBytes));
      at += headBytes + sizeBytes;
    }
    if (at < bytes.length) this.#keep(bytes.subarray(at));
  }

  /** The stream has ended: what had begun never comes whole. */
  close(): void {
    this.#options.budget.release(this.#begun?.sizeBytes ?? 0);
    this.#begun = undefined;
  }

  /** What had begun and this chunk; undefined while it is not enough. */
  #joined(chunk: Buffer): Buffer | undefined {
    if (!this.#begun) return chunk;
    this.#keep(chunk);
    if (this.#begun.sizeBytes < this.#neededBytes) return undefined;
    const bytes = this.#begun.joined();
    this.close();
    return bytes;
  }

  #keep(bytes: Buffer): void {
    const { budget } = this.#options;
    if (!budget.fits(bytes.length)) throw new GrpcFault(grpcStatus.resourceExhausted, 'too many bytes are held here');
    budget.hold(bytes.length);
    this.#begun ??= new Pieces();
    this.#begun.add(bytes);
  }

  #sizeAt(bytes: Buffer, at: number): number {
    if (bytes[at] !== 0) throw new GrpcFault(grpcStatus.unimplemented, 'compressed messages are not taken');
    const sizeBytes = bytes.readUInt32BE(at + 1);
    const { mostMessageBytes } = this.#options;
    if (sizeBytes <= mostMessageBytes) return sizeBytes;
    throw new GrpcFault(grpcStatus.resourceExhausted, `a message is larger than ${mostMessageBytes} bytes`);
  }
}
