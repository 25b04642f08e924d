import { type DeliveryStatus, unavailable } from './delivery-status.ts';

interface RunningDelivery {
  readonly status: Promise<DeliveryStatus>;
  readonly stop: AbortController;
  readonly end: (status: DeliveryStatus) => void;
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

  /** Answers that all which still run are given back: what they wait for is no longer waited for. */
  giveUpAll(): void {
    for (const { end } of this.#running.values()) end(unavailable);
  }

  /** Resolves when all that run now have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ status }) => status));
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<DeliveryStatus>): RunningDelivery {
    const stop = new AbortController();
    const { promise: status, resolve: end, reject } = Promise.withResolvers<DeliveryStatus>();
    Promise.resolve()
      .then(() => work(stop.signal))
      .finally(() => this.#running.delete(key))
      .then(end, reject);
    const running = { status, stop, end, connections: 0 };
    this.#running.set(key, running);
    return running;
  }
}
