import type { MonotonicClock } from '../../../../shared/runtime/clock.ts';
import type { Broker } from '../broker/broker.ts';
import type { Delivery } from '../broker/message.ts';
import type { Entry } from '../catalog/catalog.ts';
import type { Subscription } from '../catalog/subscription.ts';
import { afterAck, afterNack, freshFlowControl, type PushFlowControl, room } from './push-flow-control.ts';
import { acknowledges } from './push-request.ts';

/** One push of one delivery. */
export interface Push {
  readonly subscription: Subscription;
  readonly delivery: Delivery;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

/** Sends one push; its status, or undefined when there was no answer within the ack deadline. Never throws. */
export type SendPush = (push: Push) => Promise<number | undefined>;

/** What the pushes of a subscription are made from. */
export interface PushFlowOptions {
  readonly broker: Broker;
  readonly clock: MonotonicClock;
  readonly send: SendPush;
  /** Whether this answer gets lost on the way, for tests. */
  readonly losesAnswer: () => boolean;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

/** Bodies on their way at once, per subscription; the last one may exceed it. */
const maxBytesInFlight = 64 * 1024 * 1024;
/** A lease outlives its request, so that a slow machine never pushes a message that is still on its way. */
const leaseMarginMs = 30_000;

/** Pushes one subscription's messages, as many at once as its flow control allows. */
export class PushFlow {
  #entry: Entry;
  readonly #options: PushFlowOptions;
  readonly #unsubscribe: () => void;
  #flow: PushFlowControl = freshFlowControl;
  #inFlight = 0;
  #bytesInFlight = 0;
  #awake = false;
  #retired = false;
  #cancelResume: () => void = () => {};

  constructor(entry: Entry, options: PushFlowOptions) {
    this.#entry = entry;
    this.#options = options;
    this.#unsubscribe = options.broker.onAvailable(entry.id, () => this.#wake());
    this.#wake();
  }

  /** The next push goes by this entry. */
  update(entry: Entry): void {
    this.#entry = entry;
  }

  /** Starts no more pushes; those on their way are settled as ever. */
  retire(): void {
    this.#retired = true;
    this.#unsubscribe();
    this.#cancelResume();
  }

  /** Many settle in one commit; they are followed by one look at the backlog. */
  #wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    queueMicrotask(() => {
      this.#awake = false;
      if (!this.#retired) this.#pump();
    });
  }

  #pump(): void {
    const { broker, clock } = this.#options;
    const nowMs = clock.nowMs();
    const maxMessages = room(this.#flow, this.#inFlight, nowMs);
    const maxBytes = maxBytesInFlight - this.#bytesInFlight;
    if (nowMs < this.#flow.pausedUntilMs) {
      this.#cancelResume();
      this.#cancelResume = clock.after(this.#flow.pausedUntilMs - nowMs, () => this.#wake());
    }
    if (maxMessages === 0 || maxBytes <= 0) return;
    const leaseMs = this.#entry.config.ackDeadlineSeconds * 1000 + leaseMarginMs;
    for (const delivery of broker.lease(this.#entry, { maxMessages, maxBytes, leaseMs })) void this.#push(delivery);
  }

  async #push(delivery: Delivery): Promise<void> {
    const { broker, clock, send, losesAnswer, signal } = this.#options;
    const sentAtMs = clock.nowMs();
    this.#inFlight += 1;
    this.#bytesInFlight += delivery.sizeBytes;
    const status = await send({ subscription: this.#entry.config, delivery, signal });
    this.#inFlight -= 1;
    this.#bytesInFlight -= delivery.sizeBytes;
    if (signal.aborted) return;
    if (losesAnswer()) {
      broker.nack(this.#entry, delivery);
    } else if (acknowledges(status)) {
      this.#flow = afterAck(this.#flow);
      broker.ack(this.#entry, delivery);
    } else {
      this.#flow = afterNack(this.#flow, sentAtMs, clock.nowMs());
      broker.nack(this.#entry, delivery);
    }
    this.#wake();
  }
}
