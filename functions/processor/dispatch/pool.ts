import { later, latest, longAgo, type MonotonicMs, msBetween, never } from '../../../shared/runtime/clock.ts';
import type { Capacity } from '../capacity/capacity.ts';
import type { Health } from './breaker.ts';
import { BreakerBoard } from './breaker-board.ts';
import { CallLimit } from './call-limit.ts';
import type { SampleOutcome } from './limit.ts';
import type { Generation } from './limit-pace.ts';
import type { GateInputs } from './verdict.ts';

export interface PoolOptions {
  /** Bounded by the configuration, so that it can be a metric's label. */
  readonly name: string;
  readonly gatewayUrl: string;
  readonly capacity: Capacity;
  /** Calls that may be under way at once, at most. */
  readonly ceiling: number;
  readonly whenUnknown: GateInputs['whenUnknown'];
  readonly onBreaker: (path: string, open: boolean) => void;
}

/** What a call said about the pool that served it. */
export interface CallReport {
  readonly health: Health;
  readonly room: SampleOutcome;
  /** What a gateway without room asked for. */
  readonly retryAfterMs?: number;
  /** Of a success whose answer counts its tokens. */
  readonly generation?: Generation;
}

export interface Permit {
  /** The call tries out a path whose breaker is open. */
  readonly isProbe: boolean;
  /** Gives the place back, and tells what the call said. Once: what follows is not heard. */
  end(report: CallReport, nowMs: MonotonicMs): void;
}

/** Of a place that was given back without a call, or with one that says nothing. */
export const nothingSaid: CallReport = Object.freeze({ health: 'unsaid', room: 'ignore' });

const failuresToOpen = 5;
const longestShedMs = 60_000;
const healthyForMs = 60_000;

/** What calls of one gateway pool share: its gate, its limit, its places and a breaker for each path. */
export class Pool {
  readonly name: string;
  readonly gatewayUrl: string;
  readonly capacity: Capacity;
  readonly breakers: BreakerBoard;
  readonly #whenUnknown: GateInputs['whenUnknown'];
  readonly #limit: CallLimit;
  readonly #succeededAtMs = new Map<string, MonotonicMs>();
  #inFlight = 0;
  #shedAtMs: MonotonicMs = longAgo;
  #shedUntilMs: MonotonicMs = longAgo;

  constructor({ name, gatewayUrl, capacity, ceiling, whenUnknown, onBreaker }: PoolOptions) {
    this.name = name;
    this.gatewayUrl = gatewayUrl;
    this.capacity = capacity;
    this.#whenUnknown = whenUnknown;
    this.#limit = new CallLimit(ceiling);
    this.breakers = new BreakerBoard(failuresToOpen, onBreaker);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls that may be under way at once, by what calls reported; below 1, for that share of the time. */
  get limit(): number {
    return this.#limit.calls;
  }

  /** When the last call ended: `never` while one is under way, `longAgo` before the first. */
  get callsUntilMs(): MonotonicMs {
    return this.#inFlight > 0 ? never : this.#limit.lastEndAtMs;
  }

  sight(nowMs: MonotonicMs): Omit<GateInputs, 'nowMs' | 'notBeforeMs' | 'giveUpAtMs' | 'breakers'> {
    const gate = this.capacity.look();
    const whenUnknown = this.#whenUnknown;
    const shedUntilMs = this.#shedEndMs(nowMs);
    const isClosed = gate === 'saturated' || gate === 'asleep' || (gate === 'unknown' && whenUnknown !== 'open');
    const closedBy = isClosed ? 'reading' : shedUntilMs > nowMs ? 'shed' : undefined;
    return {
      gate,
      lastGate: this.capacity.gate,
      nextReadingAtMs: this.capacity.nextReadingAtMs,
      whenUnknown,
      shedUntilMs,
      inFlight: this.#inFlight,
      quota: this.#limit.quota(this.#inFlight, closedBy, nowMs),
    };
  }

  take(path: string, message: string, nowMs: MonotonicMs): Permit {
    const isProbe = this.breakers.isOpen(path);
    this.#inFlight += 1;
    this.breakers.began(path, message);
    let over = false;
    return {
      isProbe,
      end: (report, endedAtMs) => {
        if (over) return;
        over = true;
        this.#hear(report, path, nowMs, endedAtMs);
        this.#inFlight -= 1;
        this.breakers.ended(path, message, report.health, endedAtMs);
      },
    };
  }

  /** Whether the path gave a 2xx within the last minute. */
  isHealthy(path: string, nowMs: MonotonicMs): boolean {
    const atMs = this.#succeededAtMs.get(path);
    return atMs !== undefined && msBetween(atMs, nowMs) <= healthyForMs;
  }

  #hear(
    { room, retryAfterMs = 0, generation }: CallReport,
    path: string,
    startedAtMs: MonotonicMs,
    nowMs: MonotonicMs,
  ) {
    this.#limit.ended({ room, startedAtMs, endedAtMs: nowMs, inFlight: this.#inFlight }, generation);
    if (room === 'success') this.#succeededAtMs.set(path, nowMs);
    if (room !== 'dropped') return;
    this.#shedAtMs = nowMs;
    this.#shedUntilMs = latest(this.#shedUntilMs, later(nowMs, Math.min(retryAfterMs, longestShedMs)));
  }

  /** The gateway had no room: nothing is sent for as long as it asked, a minute at most, and until the load has been read anew. */
  #shedEndMs(nowMs: MonotonicMs): MonotonicMs {
    if (this.capacity.readSince(this.#shedAtMs)) return this.#shedUntilMs;
    return latest(this.#shedUntilMs, this.capacity.nextReadingAtMs, later(nowMs, 1));
  }
}
