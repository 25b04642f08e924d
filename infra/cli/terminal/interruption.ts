/** npm passes on to a script the signal that the terminal has sent it already: within this time, two are one. */
const sameSignalMs = 1000;
const signals = ['SIGINT', 'SIGTERM'] as const;

/** Lets a command end in good order at the first Ctrl-C or SIGTERM. The second one ends the process at once, with 130. */
export class Interruption {
  readonly #stopping = new AbortController();
  readonly #onFirst: () => void;
  #firstAtMs: number | undefined;

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
    for (const name of signals) process.on(name, this.#take);
  }

  /** Aborted by the first. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  release(): void {
    for (const name of signals) process.off(name, this.#take);
  }

  readonly #take = (): void => {
    const nowMs = performance.now();
    if (this.#firstAtMs === undefined) {
      this.#firstAtMs = nowMs;
      this.#onFirst();
      this.#stopping.abort();
    } else if (nowMs - this.#firstAtMs >= sameSignalMs) {
      process.exit(130);
    }
  };
}
