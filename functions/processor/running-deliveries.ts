import type { DeliveryStatus } from './delivery-status.ts';

interface RunningDelivery {
  readonly status: Promise<DeliveryStatus>;
  readonly stop: AbortController;
  connections: number;
}

/** One connection's part in a delivery. */
export interface JoinedDelivery {
  /** What the delivery is answered. */
  readonly status: Promise<DeliveryStatus>;
  /** This connection is lost. */
  leave(): void;
}

/**
 * The deliveries under way. A second delivery of the same message joins the first and gets its status; the work is stopped when all
 * connections are lost that wait for it.
 */
export class RunningDeliveries {
  readonly #running = new Map<string, RunningDelivery>();

  get size(): number {
    return this.#running.size;
  }

  /** Starts the work unless it runs. The signal that it gets is aborted when all connections have left. */
  join(key: string, work: (signal: AbortSignal) => Promise<DeliveryStatus>): JoinedDelivery {
    const running = this.#running.get(key) ?? this.#start(key, work);
    running.connections += 1;
    let hasLeft = false;
    return {
      status: running.status,
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        running.connections -= 1;
        if (running.connections === 0) running.stop.abort();
      },
    };
  }

  /** Aborts the signals of all that run. */
  stopAll(): void {
    for (const { stop } of this.#running.values()) stop.abort();
  }

  /** Resolves when all that run now have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ status }) => status));
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<DeliveryStatus>): RunningDelivery {
    const stop = new AbortController();
    const status = Promise.resolve()
      .then(() => work(stop.signal))
      .finally(() => this.#running.delete(key));
    const running = { status, stop, connections: 0 };
    this.#running.set(key, running);
    return running;
  }
}
