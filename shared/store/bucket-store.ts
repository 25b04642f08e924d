import type { IncomingHttpHeaders } from 'node:http';
import { type ApiError, type Bucket, type File, Storage } from '@google-cloud/storage';
import type { StorePlace } from './place.ts';
import { Changed, none, type Store, type StoredObject } from './store.ts';

/** The client's own ten minutes would outlast the push that waits for it. */
const retryOptions = { autoRetry: true, maxRetries: 2, totalTimeout: 10, maxRetryDelay: 2 };
const [notFound, preconditionFailed] = [404, 412];

/** Objects of a Cloud Storage bucket, below a prefix, by the official client and its usual credentials. */
export class BucketStore implements Store {
  readonly #place: StorePlace & { readonly kind: 'gs' };
  readonly #bucket: Bucket;

  constructor(place: StorePlace & { readonly kind: 'gs' }) {
    this.#place = place;
    this.#bucket = new Storage({ retryOptions }).bucket(place.bucket);
  }

  uriOf(name: string): string {
    return `gs://${this.#place.bucket}/${this.#place.prefix}${name}`;
  }

  async read(name: string, maxBytes: number): Promise<StoredObject | undefined> {
    const stream = this.#file(name).createReadStream();
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    let generation = '';
    stream.once('response', ({ headers }: { readonly headers: IncomingHttpHeaders | Headers }) => {
      const value = headers instanceof Headers ? headers.get(generationHeader) : headers[generationHeader];
      generation = String(value ?? '');
    });
    try {
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        sizeBytes += chunk.length;
        if (sizeBytes > maxBytes) throw new Error(`${name} holds more than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      if (codeOf(error) === notFound) return undefined;
      throw error;
    } finally {
      stream.destroy();
    }
    return { data: Buffer.concat(chunks, sizeBytes), generation };
  }

  async write(name: string, data: Uint8Array, replaces?: string): Promise<void> {
    const preconditionOpts =
      replaces === undefined ? {} : { preconditionOpts: { ifGenerationMatch: replaces === none ? 0 : replaces } };
    try {
      await this.#file(name).save(Buffer.from(data.buffer, data.byteOffset, data.byteLength), {
        resumable: false,
        ...preconditionOpts,
      });
    } catch (error) {
      if (codeOf(error) === preconditionFailed) throw new Changed(name);
      throw error;
    }
  }

  #file(name: string): File {
    return this.#bucket.file(`${this.#place.prefix}${name}`);
  }
}

/** Source: https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooggeneration */
const generationHeader = 'x-goog-generation';

function codeOf(error: unknown): number {
  return Number((error as ApiError).code);
}
