import type { Attributes } from '../../../shared/pubsub/message-attributes.ts';
import { messageBytes, type OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import type { MonotonicClock } from '../../../shared/runtime/clock.ts';

/** A message as a request to its topic holds it. */
export interface SharedMessage {
  readonly data: Uint8Array;
  readonly attributes: Attributes;
}

/** Publishes messages of one topic in one request; resolves once Pub/Sub has confirmed all of them. */
export type SendMessages = (topic: string, messages: SharedMessage[]) => Promise<unknown>;

/** A request that still takes messages. */
interface OpenRequest {
  readonly messages: SharedMessage[];
  readonly confirmed: Promise<void>;
  readonly close: () => void;
  sizeBytes: number;
}

/**
 * How long a request waits for more messages. Derived: at a thousand results a second five share the cost of one request; a result may come
 * that much later, where its message took seconds.
 */
const gatherMs = 5;
/** Pub/Sub takes 1,000. Derived: a tenth of it, so that one request that fails delays few. */
const mostMessages = 100;
/** Pub/Sub takes 10 MB. Derived: a tenth of it, for the same reason. */
const mostBytes = 1_000_000;

/** Messages of one topic that come within some milliseconds share a request, and its fate. */
export class SharedRequests {
  readonly #send: SendMessages;
  readonly #clock: Pick<MonotonicClock, 'after'>;
  readonly #open = new Map<string, OpenRequest>();

  constructor(send: SendMessages, clock: Pick<MonotonicClock, 'after'>) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Resolves once Pub/Sub has confirmed the message; rejects with the error of its request. */
  publish({ topic, data, attributes }: OutgoingMessage): Promise<void> {
    const sizeBytes = messageBytes(data, attributes);
    const open = this.#open.get(topic);
    if (open && open.sizeBytes + sizeBytes > mostBytes) open.close();
    const request = this.#open.get(topic) ?? this.#begin(topic);
    request.messages.push({ data, attributes });
    request.sizeBytes += sizeBytes;
    if (request.messages.length >= mostMessages || request.sizeBytes >= mostBytes) request.close();
    return request.confirmed;
  }

  #begin(topic: string): OpenRequest {
    const { promise: confirmed, resolve, reject } = Promise.withResolvers<void>();
    const messages: SharedMessage[] = [];
    const close = (): void => {
      cancel();
      this.#open.delete(topic);
      this.#send(topic, messages)
        .then(() => resolve(), reject)
        // What the client remembers of a call would keep its messages for as long.
        .finally(() => messages.splice(0));
    };
    const cancel = this.#clock.after(gatherMs, close);
    const request = { messages, confirmed, close, sizeBytes: 0 };
    this.#open.set(topic, request);
    return request;
  }
}
