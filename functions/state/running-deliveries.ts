interface Running {
  readonly status: Promise<number>;
  readonly stop: AbortController;
  connections: number;
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

  /** `gone` is aborted when this connection is lost; the signal that `work` gets, when all are. */
  run(key: string, gone: AbortSignal, work: (signal: AbortSignal) => Promise<number>): Promise<number> {
    const running = this.#running.get(key) ?? this.#start(key, work);
    running.connections += 1;
    const leave = (): void => {
      running.connections -= 1;
      if (running.connections === 0) running.stop.abort();
    };
    if (gone.aborted) leave();
    else gone.addEventListener('abort', leave, { once: true });
    return running.status.finally(() => gone.removeEventListener('abort', leave));
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
