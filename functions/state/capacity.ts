import { type GateState, type GateThresholds, nextGate, type Reading } from '../decisions/gate.ts';
import type { Clock } from './clock.ts';

/** Where a pool's load can be read. */
export interface CapacitySource {
  readonly name: string;
  /** Undefined when the source has nothing to say, or is not there. Rejects when it could not be asked. */
  read(): Promise<Reading | undefined>;
}

export interface CapacityOptions extends GateThresholds {
  readonly sources: readonly CapacitySource[];
  readonly refreshMs: number;
  readonly clock: Clock;
  /** After every reading; `had` tells which of the sources asked had data. */
  readonly onReading: (had: ReadonlyMap<string, boolean>) => void;
}

/**
 * A pool's load as last read: asked for only while someone looks, one query per period whatever the number of those who wait, errors
 * remembered like answers. A reading stays until a newer one comes or it is too old.
 */
export class Capacity {
  readonly #options: CapacityOptions;
  #reading: Reading | undefined;
  #gate: GateState = 'unknown';
  #startedAtMs = Number.NEGATIVE_INFINITY;
  /** When the newest reading that has ended was started. */
  #readAtMs = Number.NEGATIVE_INFINITY;
  #running = false;

  constructor(options: CapacityOptions) {
    this.#options = options;
  }

  /** The gate now; asks the sources again when the period is over. Undefined until the first reading has ended. */
  look(): GateState | undefined {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs >= this.nextReadingAtMs) void this.#read(nowMs);
    this.#gate = nextGate(this.#gate, this.#reading, this.#options, nowMs);
    return this.#readAtMs === Number.NEGATIVE_INFINITY ? undefined : this.#gate;
  }

  /** Infinite while a reading is under way: its end is an event of its own. */
  get nextReadingAtMs(): number {
    return this.#running ? Number.POSITIVE_INFINITY : this.#startedAtMs + this.#options.refreshMs;
  }

  get gate(): GateState {
    return this.#gate;
  }

  get reading(): Reading | undefined {
    return this.#reading;
  }

  /** Whether a reading that was started at `atMs` or later has ended. */
  readSince(atMs: number): boolean {
    return this.#readAtMs >= atMs;
  }

  async #read(nowMs: number): Promise<void> {
    this.#running = true;
    this.#startedAtMs = nowMs;
    const had = new Map<string, boolean>();
    for (const source of this.#options.sources) {
      const reading = await source.read().catch(() => undefined);
      had.set(source.name, reading !== undefined);
      if (!reading) continue;
      this.#reading = reading;
      break;
    }
    this.#running = false;
    this.#readAtMs = nowMs;
    this.#gate = nextGate(this.#gate, this.#reading, this.#options, this.#options.clock.nowMs());
    this.#options.onReading(had);
  }
}
