import type { OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';

/** An object that has to be in the store before the result is published that names it. */
export interface StoredPart {
  readonly name: string;
  readonly data: Uint8Array;
}

/** Where a result's parts lie that no message holds. */
export interface ResultPlaces {
  /** The place of an answer's body. */
  bodyOf(
    firstMessageId: string,
    body: Uint8Array,
  ): { /** Lower-case hex. */ readonly sha256: string; readonly uri: string; readonly part: StoredPart };
  /** The result itself, for a redelivery of its message; undefined where none is kept. */
  replayOf(firstMessageId: string, result: OutgoingMessage): StoredPart | undefined;
}
