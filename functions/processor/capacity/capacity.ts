import { withinTime } from '../../../shared/runtime/within-time.ts';
import type { Clock } from '../clock.ts';
import { type GateState, type GateThresholds, isUsable, nextGate, type Reading } from '../dispatch/gate.ts';

/** Where a pool's load can be read. */
export interface CapacitySource {
  readonly name: string;
  /** Undefined when the source has nothing to say, or is not there. Rejects when it could not be asked. */
  read(): Promise<Reading | undefined>;
}

/** What a source had when it was asked; `why` says what is wrong with one that could not be asked, or says nothing usable. */
export interface SourceAnswer {
  readonly hasData: boolean;
  readonly why?: string;
}

export interface CapacityOptions extends GateThresholds {
  /** The first that has data wins. */
  readonly sources: readonly CapacitySource[];
  readonly refreshMs: number;
  readonly clock: Clock;
  /** When this process' last call of the pool ended: infinite while one is under way, −infinite before the first. */
  readonly ownCallsUntilMs: () => number;
  /** After every reading, with what each source that was asked said. */
  readonly onReading: (answers: ReadonlyMap<string, SourceAnswer>) => void;
}

/**
 * For all that a source does, finding its project and credentials and connecting included: a reading that never ended would be the
 * last. A little above the two seconds of each query, whose own error tells more.
 */
const askTimeoutMs = 2500;

/**
 * A pool's load as last read: asked for only while someone looks, one query per period whatever the number of those who wait, errors
 * remembered like answers. A reading stays until a newer one comes or it is too old; after a time in which nobody looked, those who can
 * wait for it have it read anew first.
 */
export class Capacity {
  readonly #options: CapacityOptions;
  #reading: Reading | undefined;
  #gate: GateState = 'unknown';
  /** Of the newest point that showed the pool full. */
  #fullAtMs = Number.NEGATIVE_INFINITY;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  /** When the newest reading that has ended was started, and when it ended. */
  #readAtMs = Number.NEGATIVE_INFINITY;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #running = false;
  /** Read since somebody began to look. */
  #isFresh = false;

  constructor(options: CapacityOptions) {
    this.#options = options;
  }

  /** The gate now; asks the sources again when the period is over. Undefined until a reading has ended since somebody began to look. */
  look(): GateState | undefined {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs >= this.nextReadingAtMs) {
      // A reading may take longer than periods: nobody looked, only where nobody did once it was there.
      if (nowMs >= Math.max(this.nextReadingAtMs, this.#endedAtMs) + this.#options.refreshMs) this.#isFresh = false;
      void this.#read(nowMs);
    }
    this.#judge(nowMs);
    return this.#isFresh ? this.#gate : undefined;
  }

  /** Infinite while a reading is under way: its end is an event of its own. */
  get nextReadingAtMs(): number {
    return this.#running ? Number.POSITIVE_INFINITY : this.#startedAtMs + this.#options.refreshMs;
  }

  /** By what was read last, however long ago that may be, within its greatest age. */
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
    const answers = new Map<string, SourceAnswer>();
    for (const source of this.#options.sources) {
      const answer = await this.#ask(source);
      answers.set(source.name, answer);
      if (answer.hasData) break;
    }
    this.#running = false;
    this.#readAtMs = nowMs;
    this.#endedAtMs = this.#options.clock.nowMs();
    this.#isFresh = true;
    this.#judge(this.#endedAtMs);
    this.#options.onReading(answers);
  }

  async #ask(source: CapacitySource): Promise<SourceAnswer> {
    try {
      const reading = await withinTime(source.read(), askTimeoutMs, this.#options.clock);
      if (!reading) return { hasData: false };
      if (!isUsable(reading, this.#options.maxAgeMs, this.#options.clock.nowMs())) {
        return {
          hasData: false,
          why: `its newest point, ${new Date(reading.asOfMs).toISOString()}, says ${reading.saturation}`,
        };
      }
      this.#reading = reading;
      if (reading.saturation >= this.#options.closeAt) this.#fullAtMs = reading.asOfMs;
      return { hasData: true };
    } catch (error) {
      return { hasData: false, why: (error as Error).message };
    }
  }

  #judge(nowMs: number): void {
    const echoFromMs = Math.max(this.#fullAtMs, this.#options.ownCallsUntilMs());
    this.#gate = nextGate(this.#gate, this.#reading, this.#options, echoFromMs, nowMs);
  }
}
