import { later, latest, longAgo, type MonotonicClock, type MonotonicMs, never } from '../../../shared/runtime/clock.ts';
import { withinTime } from '../../../shared/runtime/within-time.ts';
import {
  type CapacityReading,
  type GateState,
  type GateThresholds,
  isUsable,
  nextGate,
  type SourceReading,
} from '../dispatch/gate.ts';

/** Where a pool's load can be read. */
export interface CapacitySource {
  readonly name: string;
  /** Undefined when the source has nothing to say, or is not there. Rejects when it could not be asked. */
  read(): Promise<SourceReading | undefined>;
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
  readonly clock: MonotonicClock;
  /** When this process' last call of the pool ended: `never` while one is under way, `longAgo` before the first. */
  readonly ownCallsUntilMs: () => MonotonicMs;
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
  #reading: CapacityReading | undefined;
  #gate: GateState = 'unknown';
  /** Of the newest point that showed the pool full. */
  #fullAtMs: MonotonicMs = longAgo;
  #startedAtMs: MonotonicMs = longAgo;
  /** When the newest reading that has ended was started, and when it ended. */
  #readAtMs: MonotonicMs = longAgo;
  #endedAtMs: MonotonicMs = longAgo;
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
      if (nowMs >= later(latest(this.nextReadingAtMs, this.#endedAtMs), this.#options.refreshMs)) this.#isFresh = false;
      void this.#read(nowMs);
    }
    this.#judge(nowMs);
    return this.#isFresh ? this.#gate : undefined;
  }

  /** Infinite while a reading is under way: its end is an event of its own. */
  get nextReadingAtMs(): MonotonicMs {
    return this.#running ? never : later(this.#startedAtMs, this.#options.refreshMs);
  }

  /** By what was read last, however long ago that may be, within its greatest age. */
  get gate(): GateState {
    return this.#gate;
  }

  get reading(): CapacityReading | undefined {
    return this.#reading;
  }

  /** Whether a reading that was started at `atMs` or later has ended. */
  readSince(atMs: MonotonicMs): boolean {
    return this.#readAtMs >= atMs;
  }

  async #read(nowMs: MonotonicMs): Promise<void> {
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
      const { ageMs, ...said } = reading;
      if (!isUsable(reading, this.#options.maxAgeMs)) {
        return { hasData: false, why: `its newest point, ${Math.round(ageMs / 1000)} s old, says ${said.saturation}` };
      }
      this.#reading = { ...said, takenAtMs: later(this.#options.clock.nowMs(), -ageMs) };
      if (said.saturation >= this.#options.closeAt) this.#fullAtMs = this.#reading.takenAtMs;
      return { hasData: true };
    } catch (error) {
      return { hasData: false, why: (error as Error).message };
    }
  }

  #judge(nowMs: MonotonicMs): void {
    const echoFromMs = latest(this.#fullAtMs, this.#options.ownCallsUntilMs());
    this.#gate = nextGate(this.#gate, this.#reading, this.#options, echoFromMs, nowMs);
  }
}
