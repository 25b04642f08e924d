interface Running {
  readonly status: Promise<number>;
  readonly stop: AbortController;
  connections: number;
}

export interface Joined {
  /** What the delivery is answered. */
  readonly status: Promise<number>;
  /** This connection is lost. */
  leave(): void;
}

/**
 * The deliveries under way. A second delivery of the same message joins the first and gets its status; the work is stopped when nobody
 * is left to hear of it.
 */
export class RunningDeliveries {
  readonly #running = new Map<string, Running>();

  get size(): number {
    return this.#running.size;
  }

  /** The signal that `work` gets is aborted when all have left that joined. */
  join(key: string, work: (signal: AbortSignal) => Promise<number>): Joined {
    const running = this.#running.get(key) ?? this.#start(key, work);
    running.connections += 1;
    let left = false;
    return {
      status: running.status,
      leave: () => {
        if (left) return;
        left = true;
        running.connections -= 1;
        if (running.connections === 0) running.stop.abort();
      },
    };
  }

  stopAll(): void {
    for (const { stop } of this.#running.values()) stop.abort();
  }

  /** Resolves when all that run now have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ status }) => status));
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<number>): Running {
    const stop = new AbortController();
    const status = Promise.resolve()
      .then(() => work(stop.signal))
      .finally(() => this.#running.delete(key));
    const running = { status, stop, connections: 0 };
    this.#running.set(key, running);
    return running;
  }
}
