import type { MonotonicMs } from '../../../../shared/runtime/clock.ts';
import type { Delivery } from './message.ts';

/** What one streaming pull holds and has not settled: its flow control counts this. */
export class Outstanding {
  readonly #held = new Map<number, { readonly sizeBytes: number; expiresAtMs: MonotonicMs }>();
  #bytes = 0;

  get messages(): number {
    return this.#held.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  ids(): Iterable<number> {
    return this.#held.keys();
  }

  add({ deliveryId, sizeBytes }: Delivery, expiresAtMs: MonotonicMs): void {
    this.drop(deliveryId);
    this.#held.set(deliveryId, { sizeBytes, expiresAtMs });
    this.#bytes += sizeBytes;
  }

  extend(deliveryId: number, expiresAtMs: MonotonicMs): void {
    const held = this.#held.get(deliveryId);
    if (held) held.expiresAtMs = expiresAtMs;
  }

  drop(deliveryId: number): void {
    this.#bytes -= this.#held.get(deliveryId)?.sizeBytes ?? 0;
    this.#held.delete(deliveryId);
  }

  /** Drops those whose ack deadline has passed: they may be delivered anew, to anyone. */
  dropExpired(nowMs: MonotonicMs): void {
    for (const [deliveryId, { expiresAtMs }] of this.#held) if (expiresAtMs <= nowMs) this.drop(deliveryId);
  }
}
