import {
  later,
  latest,
  longAgo,
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  never,
} from '../../../shared/runtime/clock.ts';
import { type CapacityReading, type GateState, type GateThresholds, nextGate, type SourceReading } from './gate.ts';

/** What a source had when it was asked; `why` says what is wrong with one that could not be asked, or says nothing usable. */
export interface SourceAnswer {
  readonly hasData: boolean;
  readonly why?: string;
}

/** What one reading of a pool's load gave: the answer of each source that was asked, and what the last of them says. */
export interface SourcesRead {
  readonly answers: ReadonlyMap<string, SourceAnswer>;
  /** Undefined when none had data. */
  readonly reading: SourceReading | undefined;
}

/** What a gate has learned from a reading. */
export interface GateReading {
  readonly answers: SourcesRead['answers'];
  readonly gate: GateState;
  /** The newest that had data, which may be an older one. */
  readonly reading: CapacityReading | undefined;
}

/** When a gate reads, and when it opens and closes. */
export interface CapacityGateOptions extends GateThresholds {
  /** Reads the load once. It never rejects, and has an end. */
  readonly read: () => Promise<SourcesRead>;
  /** Readings begin at least this many milliseconds apart. */
  readonly refreshMs: number;
  readonly clock: Pick<MonotonicClock, 'nowMs'>;
  /** After every reading, when the gate has learned from it. */
  readonly onReading: (read: GateReading) => void;
}

/** The gate as it is at one instant. */
export interface GateView {
  /** Undefined until a reading has ended since messages began to ask. */
  readonly gate: GateState | undefined;
  /** By the last reading, for a message that cannot wait until the load is read anew; `unknown` where that is too old. */
  readonly lastGate: GateState;
  /** When the load may be read again; `never` while it is being read, since the end of that is an event of its own. */
  readonly nextReadingAtMs: MonotonicMs;
}

/**
 * A pool's gate, by its load as last read. The load is read for messages alone: one reading a period, however many wait, errors
 * remembered like answers. A reading stays until a newer one comes or it is too old; after a time without messages, those that can wait
 * have it read anew first.
 */
export class CapacityGate {
  readonly #options: CapacityGateOptions;
  #reading: CapacityReading | undefined;
  /** After the newest reading. */
  #gate: GateState = 'unknown';
  #startedAtMs: MonotonicMs = longAgo;
  /** When the newest reading that has ended was started, and when it ended. */
  #readAtMs: MonotonicMs = longAgo;
  #endedAtMs: MonotonicMs = longAgo;
  #isRunning = false;
  /** A reading has ended since messages began to ask. */
  #isCurrent = false;

  constructor(options: CapacityGateOptions) {
    this.#options = options;
  }

  /** A message asks: begins a reading when the period is over. */
  advance(nowMs: MonotonicMs): void {
    if (nowMs < this.#nextReadingAtMs) return;
    this.#isCurrent &&= !this.#hasLapsed(nowMs);
    void this.#read(nowMs);
  }

  /** The gate now. Changes nothing. */
  at(nowMs: MonotonicMs): GateView {
    const lastGate = this.#gateAt(nowMs);
    const gate = this.#isCurrent && !this.#hasLapsed(nowMs) ? lastGate : undefined;
    return { gate, lastGate, nextReadingAtMs: this.#nextReadingAtMs };
  }

  /** What was read last while messages ask; undefined when none does, since nothing is read then. Changes nothing. */
  readingAt(nowMs: MonotonicMs): CapacityReading | undefined {
    return this.#isCurrent && !this.#hasLapsed(nowMs) ? this.#reading : undefined;
  }

  /** Whether a reading that was started at `atMs` or later has ended. */
  readSince(atMs: MonotonicMs): boolean {
    return this.#readAtMs >= atMs;
  }

  async #read(nowMs: MonotonicMs): Promise<void> {
    this.#isRunning = true;
    this.#startedAtMs = nowMs;
    const { answers, reading } = await this.#options.read();
    this.#isRunning = false;
    this.#readAtMs = nowMs;
    this.#endedAtMs = this.#options.clock.nowMs();
    this.#isCurrent = true;
    if (reading) this.#take(reading, this.#endedAtMs);
    this.#options.onReading({ answers, gate: this.#gateAt(this.#endedAtMs), reading: this.#reading });
  }

  #take({ ageMs, ...said }: SourceReading, nowMs: MonotonicMs): void {
    const reading = { ...said, takenAtMs: later(nowMs, -ageMs) };
    this.#reading = reading;
    // A gate that closed stays closed through a time in which the load was not known.
    this.#gate = nextGate(this.#gate, reading, this.#options, nowMs);
  }

  #gateAt(nowMs: MonotonicMs): GateState {
    const isKnown = this.#reading && msBetween(this.#reading.takenAtMs, nowMs) <= this.#options.maxAgeMs;
    return isKnown ? this.#gate : 'unknown';
  }

  get #nextReadingAtMs(): MonotonicMs {
    return this.#isRunning ? never : later(this.#startedAtMs, this.#options.refreshMs);
  }

  /** No message asked for two periods, or for one after a reading that took longer. */
  #hasLapsed(nowMs: MonotonicMs): boolean {
    return nowMs >= later(latest(this.#nextReadingAtMs, this.#endedAtMs), this.#options.refreshMs);
  }
}
