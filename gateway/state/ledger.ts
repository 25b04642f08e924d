/** Sheddable is work of a priority below 0. */
export type WorkClass = 'realtime' | 'sheddable';

/** What one class of work holds on one endpoint. */
export interface Held {
  readonly inFlight: number;
  /** In flight, and no byte of the answer seen. */
  readonly awaitingFirstByte: number;
  /** Estimated prompt tokens of what is in flight. */
  readonly promptTokens: number;
}

type Counts = { -readonly [K in keyof Held]: Held[K] };

/** The gateway's own work on one endpoint. Every entry that is opened is closed once, whatever became of the request. */
export class Ledger {
  readonly realtime: Held;
  readonly sheddable: Held;
  readonly #counts: Readonly<Record<WorkClass, Counts>>;

  constructor() {
    this.#counts = {
      realtime: { inFlight: 0, awaitingFirstByte: 0, promptTokens: 0 },
      sheddable: { inFlight: 0, awaitingFirstByte: 0, promptTokens: 0 },
    };
    this.realtime = this.#counts.realtime;
    this.sheddable = this.#counts.sheddable;
  }

  get inFlight(): number {
    return this.realtime.inFlight + this.sheddable.inFlight;
  }

  open(workClass: WorkClass, promptTokens: number): LedgerEntry {
    return new LedgerEntry(this.#counts[workClass], promptTokens);
  }
}

export class LedgerEntry {
  readonly #counts: Counts;
  readonly #promptTokens: number;
  #phase: 'awaiting' | 'answering' | 'closed' = 'awaiting';

  constructor(counts: Counts, promptTokens: number) {
    this.#counts = counts;
    this.#promptTokens = promptTokens;
    counts.inFlight += 1;
    counts.awaitingFirstByte += 1;
    counts.promptTokens += promptTokens;
  }

  sawFirstByte(): void {
    if (this.#phase !== 'awaiting') return;
    this.#phase = 'answering';
    this.#counts.awaitingFirstByte -= 1;
  }

  close(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'awaiting') this.#counts.awaitingFirstByte -= 1;
    this.#phase = 'closed';
    this.#counts.inFlight -= 1;
    this.#counts.promptTokens -= this.#promptTokens;
  }
}
