import { later, latest, longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import type { BreakerHealth, ProbeCandidate } from './breaker.ts';
import { BreakerBoard } from './breaker-board.ts';
import { CallLimit, type ClosedBy } from './call-limit.ts';
import type { CapacityGate } from './capacity-gate.ts';
import { type CallOutcome, Permit } from './permit.ts';
import type { GateInputs } from './verdict.ts';

/** What a pool is made from. */
export interface DispatchPoolOptions {
  /** Bounded by the configuration, so that it can be a metric's label. */
  readonly name: string;
  readonly gatewayUrl: string;
  readonly capacity: CapacityGate;
  /** Calls that may be under way at once, at most. */
  readonly ceiling: number;
  /** What an unknown load means. */
  readonly whenUnknown: GateInputs['whenUnknown'];
  readonly onBreaker: (path: string, isOpen: boolean) => void;
}

/** What a call is for. */
export interface CalledPath extends Pick<ProbeCandidate, 'message' | 'tenant'> {
  readonly path: string;
}

/** What a pool tells of itself; the rest of the inputs is the message's. */
export type PoolInputs = Omit<GateInputs, 'nowMs' | 'notBeforeMs' | 'giveUpAtMs' | 'breakers'>;

/** Protocol: contract §3. */
const failuresToOpen = 5;
/** Protocol: contract §3, `min(Retry-After, 60 s)`. */
const longestShedMs = 60_000;
/** How long a 2xx speaks for its path. Protocol: contract §3. */
const healthyForMs = 60_000;

const healthOf = {
  success: 'well',
  refused: 'well',
  capacity: 'well',
  failure: 'sick',
  ignored: 'unsaid',
} as const satisfies Record<CallOutcome['became'], BreakerHealth>;

/** What calls of one gateway pool share: its gate, its limit, its places and a breaker for each path. */
export class DispatchPool {
  readonly name: string;
  readonly gatewayUrl: string;
  readonly capacity: CapacityGate;
  readonly breakers: BreakerBoard;
  readonly #whenUnknown: GateInputs['whenUnknown'];
  readonly #limit: CallLimit;
  readonly #succeededAtMs = new Map<string, MonotonicMs>();
  #inFlight = 0;
  #shedAtMs: MonotonicMs = longAgo;
  #shedUntilMs: MonotonicMs = longAgo;

  constructor({ name, gatewayUrl, capacity, ceiling, whenUnknown, onBreaker }: DispatchPoolOptions) {
    this.name = name;
    this.gatewayUrl = gatewayUrl;
    this.capacity = capacity;
    this.#whenUnknown = whenUnknown;
    this.#limit = new CallLimit(ceiling);
    this.breakers = new BreakerBoard(failuresToOpen, onBreaker);
  }

  /** Calls under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls that may be under way at once, by what calls reported; below 1, for that share of the time. */
  get limit(): number {
    return this.#limit.calls;
  }

  /** Time passed, and a message asks: reads the load where that is due, and lets the limit begin anew where the gate has opened. */
  advance(nowMs: MonotonicMs): void {
    this.capacity.advance(nowMs);
    this.#limit.advance(this.#inFlight, this.#closedBy(nowMs), nowMs);
  }

  /** What the pool looks like now. Changes nothing. */
  gateInputs(nowMs: MonotonicMs): PoolInputs {
    return {
      ...this.capacity.at(nowMs),
      whenUnknown: this.#whenUnknown,
      shedUntilMs: this.#shedEndMs(nowMs),
      inFlight: this.#inFlight,
      quota: this.#limit.quota(this.#inFlight, this.#closedBy(nowMs), nowMs),
    };
  }

  /** Gives a place for a call. `onEnd` is called when it was given back, after the pool has learned what became of the call. */
  take({ path, message, tenant }: CalledPath, startedAtMs: MonotonicMs, onEnd: () => void): Permit {
    const permit = new Permit((outcome, endedAtMs) => {
      this.#learn(outcome, path, startedAtMs, endedAtMs);
      this.#inFlight -= 1;
      this.breakers.ended(path, message, healthOf[outcome.became], endedAtMs);
      onEnd();
    });
    this.#inFlight += 1;
    this.breakers.began(path, message, tenant);
    return permit;
  }

  /** Whether the path gave a 2xx within the last minute. */
  isHealthy(path: string, nowMs: MonotonicMs): boolean {
    const atMs = this.#succeededAtMs.get(path);
    return atMs !== undefined && msBetween(atMs, nowMs) <= healthyForMs;
  }

  #learn(outcome: CallOutcome, path: string, startedAtMs: MonotonicMs, endedAtMs: MonotonicMs): void {
    this.#limit.ended(outcome, { startedAtMs, endedAtMs, inFlight: this.#inFlight });
    if (outcome.became === 'success') this.#succeededAtMs.set(path, endedAtMs);
    if (outcome.became !== 'capacity') return;
    this.#shedAtMs = endedAtMs;
    const shedUntilMs = later(endedAtMs, Math.min(outcome.retryAfterMs, longestShedMs));
    this.#shedUntilMs = latest(this.#shedUntilMs, shedUntilMs);
  }

  /** Why nothing may be sent now, apart from the limit. */
  #closedBy(nowMs: MonotonicMs): ClosedBy | undefined {
    const { gate } = this.capacity.at(nowMs);
    const isClosed = gate === 'saturated' || gate === 'asleep' || (gate === 'unknown' && this.#whenUnknown !== 'open');
    if (isClosed) return 'reading';
    return this.#shedEndMs(nowMs) > nowMs ? 'shed' : undefined;
  }

  /** The gateway had no room: nothing is sent for as long as it asked, a minute at most, and until the load has been read anew. */
  #shedEndMs(nowMs: MonotonicMs): MonotonicMs {
    if (this.capacity.readSince(this.#shedAtMs)) return this.#shedUntilMs;
    return latest(this.#shedUntilMs, this.capacity.at(nowMs).nextReadingAtMs, later(nowMs, 1));
  }
}
