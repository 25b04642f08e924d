import { createHash } from 'node:crypto';
import type { OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import type { Store } from '../../../shared/store/store.ts';
import type { ResultPlaces, StoredPart } from './stored-parts.ts';

/** A result as it is kept for a redelivery: a message of Pub/Sub's size in base64, and its attributes. Derived: 10 MB take 13.4 MB, and what JSON adds. */
const maxReplayBytes = 16_000_000;
/** Derived: file systems hold names of 255 bytes, with what is put around the id. */
const longestIdInName = 200;

/** Where results lie in a `STORE`, and what is kept there for redeliveries. Contract §2, §12. */
export class ResultStore implements ResultPlaces {
  readonly #store: Store;
  readonly #replays: boolean;

  /** @param replays `REPLAY` */
  constructor(store: Store, replays: boolean) {
    this.#store = store;
    this.#replays = replays;
  }

  /** Under its own hash: a result that is made again lies where it lay. */
  bodyOf(firstMessageId: string, body: Uint8Array): ReturnType<ResultPlaces['bodyOf']> {
    const sha256 = createHash('sha256').update(body).digest('hex');
    const name = `results/${nameOf(firstMessageId)}/${sha256}`;
    return { sha256, uri: this.#store.uriOf(name), part: { name, data: body } };
  }

  replayOf(firstMessageId: string, { data, attributes }: OutgoingMessage): StoredPart | undefined {
    if (!this.#replays || firstMessageId === '') return undefined;
    const text = JSON.stringify({ attributes, data: Buffer.from(data).toString('base64') });
    return { name: replayName(firstMessageId), data: Buffer.from(text) };
  }

  /**
   * The result that the message has already; undefined where it has none, or none is kept.
   * @throws {Error} where the store cannot be read
   */
  async answered(firstMessageId: string): Promise<Pick<OutgoingMessage, 'data' | 'attributes'> | undefined> {
    if (!this.#replays || firstMessageId === '') return undefined;
    const found = await this.#store.read(replayName(firstMessageId), maxReplayBytes);
    if (!found) return undefined;
    const { attributes, data } = JSON.parse(Buffer.from(found.data).toString());
    return { attributes, data: Buffer.from(data, 'base64') };
  }
}

function replayName(firstMessageId: string): string {
  return `replay/${nameOf(firstMessageId)}.json`;
}

/** One path segment that tells the message from all others. */
function nameOf(firstMessageId: string): string {
  const plain = /^[\w-]+$/.test(firstMessageId) && firstMessageId.length <= longestIdInName;
  return plain ? firstMessageId : `sha256-${createHash('sha256').update(firstMessageId).digest('hex')}`;
}
