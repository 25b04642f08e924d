/** How long an endpoint may let a client wait. */
export interface Timeouts {
  /** Until the first byte of an answer. */
  readonly ttftTimeoutMs: number;
  /** Between two bytes of it, or until its client has taken some. */
  readonly idleTimeoutMs: number;
}

/** Tells when an endpoint, or the client that reads from it, has been silent for too long. */
export class SilenceWatch {
  readonly #patience: Timeouts;
  readonly #nowMs: () => number;
  readonly #tooLong: () => void;
  #timer: NodeJS.Timeout | undefined;
  #patienceMs = 0;
  #sinceMs = 0;

  constructor(patience: Timeouts, nowMs: () => number, tooLong: () => void) {
    this.#patience = patience;
    this.#nowMs = nowMs;
    this.#tooLong = tooLong;
  }

  /** From now on a first byte is due. */
  begin(): void {
    this.#patienceMs = this.#patience.ttftTimeoutMs;
    this.#sinceMs = this.#nowMs();
    if (!this.#timer) this.#lookIn(Number.POSITIVE_INFINITY);
  }

  /** A byte came, or the client took some. */
  heard(): void {
    this.#patienceMs = this.#patience.idleTimeoutMs;
    this.#sinceMs = this.#nowMs();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** One timer for both waits: moving it with every byte would cost more than the byte. Either may be the shorter one. */
  #lookIn(leftMs: number): void {
    const { ttftTimeoutMs, idleTimeoutMs } = this.#patience;
    this.#timer = setTimeout(() => this.#look(), Math.min(leftMs, ttftTimeoutMs, idleTimeoutMs));
  }

  #look(): void {
    const leftMs = this.#sinceMs + this.#patienceMs - this.#nowMs();
    if (leftMs > 0) this.#lookIn(leftMs);
    else this.#tooLong();
  }
}
