import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { MonotonicClock } from '../../../../shared/runtime/clock.ts';
import { grpcError } from '../api/grpc-error.ts';
import { receivedToProto } from '../api/grpc-fields.ts';
import { ackDeadlineMs, receivedMessage, refusePush } from '../api/methods.ts';
import { invalid } from '../api/refusal.ts';
import type { Broker } from '../broker/broker.ts';
import { Outstanding } from '../broker/outstanding.ts';
import type { Catalog, Entry } from '../catalog/catalog.ts';
import { resourceName } from '../catalog/resource-names.ts';
import type { Written } from '../catalog/settings.ts';
import { readAckId } from './ack-id.ts';
import { maxPullBytes } from './pull.ts';

interface StreamingPullRequest {
  readonly subscription?: string;
  readonly ackIds?: readonly string[];
  readonly modifyDeadlineSeconds?: readonly number[];
  readonly modifyDeadlineAckIds?: readonly string[];
  readonly streamAckDeadlineSeconds?: number;
  readonly maxOutstandingMessages?: number;
  readonly maxOutstandingBytes?: number;
}

type Call = ServerDuplexStream<StreamingPullRequest, Written>;
/** Serves one streaming pull until it ends. */
export type ServeStreamingPull = (call: Call) => void;

/** For clients that set no limit of their own. */
const mostOutstanding = { messages: 10_000, bytes: 100 * 1024 * 1024 } as const;
const messagesPerAnswer = 1000;
/** A full stream looks this often whether leases of its own have expired. */
const fullStreamLookMs = 1000;

/** Serves StreamingPull: sends what is due as far as the client's flow control goes, and takes acks and deadlines. */
export function createStreamingPull(catalog: Catalog, broker: Broker, clock: MonotonicClock): ServeStreamingPull {
  return (call) => {
    let stream: Stream | undefined;
    const end = () => {
      stream?.close();
      stream = undefined;
    };
    call.on('data', (request: StreamingPullRequest) => {
      try {
        if (stream) stream.take(request);
        else stream = new Stream(call, request, catalog, broker, clock);
      } catch (error) {
        end();
        call.emit('error', grpcError(error));
      }
    });
    call.on('end', () => {
      end();
      call.end();
    });
    call.on('cancelled', end);
    call.on('error', end);
  };
}

class Stream {
  readonly #call: Call;
  readonly #catalog: Catalog;
  readonly #broker: Broker;
  readonly #clock: MonotonicClock;
  readonly #name: string;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #outstanding = new Outstanding();
  readonly #unsubscribe: () => void;
  #leaseMs: number;
  #writable = true;
  #cancelLook: () => void = () => {};

  constructor(call: Call, first: StreamingPullRequest, catalog: Catalog, broker: Broker, clock: MonotonicClock) {
    this.#call = call;
    this.#catalog = catalog;
    this.#broker = broker;
    this.#clock = clock;
    this.#name = resourceName('subscriptions', first.subscription);
    this.#maxMessages = first.maxOutstandingMessages || mostOutstanding.messages;
    this.#maxBytes = first.maxOutstandingBytes || mostOutstanding.bytes;
    const entry = this.#entry();
    this.#leaseMs = entry.config.ackDeadlineSeconds * 1000;
    this.#unsubscribe = broker.onAvailable(entry.id, () => this.#pump());
    call.on('drain', () => {
      this.#writable = true;
      this.#pump();
    });
    this.take(first);
    this.#pump();
  }

  /** @throws {Refusal} */
  take(request: StreamingPullRequest): void {
    const entry = this.#entry();
    const { ackIds = [], modifyDeadlineAckIds = [], modifyDeadlineSeconds = [] } = request;
    if (request.streamAckDeadlineSeconds) this.#leaseMs = streamDeadlineMs(request.streamAckDeadlineSeconds);
    if (modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length) {
      throw invalid('modify_deadline_ack_ids and modify_deadline_seconds must be of one length.');
    }
    for (const id of ackIds) this.#broker.ack(entry, readAckId(id));
    modifyDeadlineAckIds.forEach((id, index) => {
      this.#broker.extend(entry, readAckId(id), ackDeadlineMs(modifyDeadlineSeconds[index]));
    });
  }

  close(): void {
    this.#unsubscribe();
    this.#cancelLook();
    this.#broker.forget(this.#outstanding);
  }

  #pump(): void {
    this.#cancelLook();
    this.#outstanding.dropExpired(this.#clock.nowMs());
    const maxMessages = Math.min(messagesPerAnswer, this.#maxMessages - this.#outstanding.messages);
    const maxBytes = Math.min(maxPullBytes, this.#maxBytes - this.#outstanding.bytes);
    if (maxMessages <= 0 || maxBytes <= 0) {
      this.#cancelLook = this.#clock.after(fullStreamLookMs, () => this.#pump());
    } else if (this.#writable) {
      this.#send(maxMessages, maxBytes);
    }
  }

  #send(maxMessages: number, maxBytes: number): void {
    try {
      const entry = this.#entry();
      const lease = { maxMessages, maxBytes, leaseMs: this.#leaseMs, holder: this.#outstanding };
      const deliveries = this.#broker.lease(entry, lease);
      if (deliveries.length === 0) return;
      const received = deliveries.map((delivery) => receivedToProto(receivedMessage(entry.config, delivery)));
      this.#writable = this.#call.write({ receivedMessages: received });
      if (deliveries.length === maxMessages) this.#pump();
    } catch (error) {
      this.close();
      this.#call.emit('error', grpcError(error));
    }
  }

  /** @throws {Refusal} NOT_FOUND once it is deleted, FAILED_PRECONDITION once it is a push subscription */
  #entry(): Entry {
    const entry = this.#catalog.subscription(this.#name);
    refusePush(entry.config);
    return entry;
  }
}

function streamDeadlineMs(seconds: number): number {
  if (seconds >= 10 && seconds <= 600) return seconds * 1000;
  throw invalid('stream_ack_deadline_seconds must be from 10 to 600.');
}
