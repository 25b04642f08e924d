import { later, latest, longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import type { BreakerHealth, ProbeCandidate } from './breaker.ts';
import { BreakerBoard } from './breaker-board.ts';
import { CallLimit, type ClosedBy } from './call-limit.ts';
import { type CallKind, CallTimes } from './call-times.ts';
import type { CapacityGate } from './capacity-gate.ts';
import { type CallOutcome, Permit } from './permit.ts';
import { mayEscalate } from './urgency.ts';
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
  /** The share of calls under way that may be escalated ones, in [0, 1]; one may always be. */
  readonly escalationShare: number;
  readonly onBreaker: (path: string, isOpen: boolean) => void;
}

/** What a call is for. */
export interface CalledPath extends Pick<ProbeCandidate, 'message' | 'tenant'>, CallKind {
  /** When its push came, or the time of a retry that came early. */
  readonly arrivedAtMs: MonotonicMs;
}

/** What a pool tells of itself; the rest of the inputs is the message's. */
export type PoolInputs = Omit<GateInputs, 'nowMs' | 'notBeforeMs' | 'giveUpAtMs' | 'breakers'>;

/** A place that was given back. */
interface TakenPlace {
  readonly startedAtMs: MonotonicMs;
  readonly endedAtMs: MonotonicMs;
  readonly isEscalated: boolean;
}

/** Protocol: contract §3. */
const failuresToOpen = 5;
/** Protocol: contract §3, `min(Retry-After, 60 s)`. */
const longestShedMs = 60_000;
/** How long a 2xx speaks for its path. Protocol: contract §3. */
const healthyForMs = 60_000;
/** An escalated call that the gateway refuses is not tried again sooner: no gate would hold it. Protocol: the shortest `Retry-After`, contract §5. */
const shortestEscalationPauseMs = 1000;

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
  /** What its calls took lately. */
  readonly times = new CallTimes();
  readonly #escalationShare: number;
  readonly #whenUnknown: GateInputs['whenUnknown'];
  readonly #limit: CallLimit;
  readonly #succeededAtMs = new Map<string, MonotonicMs>();
  #inFlight = 0;
  /** Of those in flight. */
  #escalated = 0;
  #escalatesFromMs: MonotonicMs = longAgo;
  #shedAtMs: MonotonicMs = longAgo;
  #shedUntilMs: MonotonicMs = longAgo;

  constructor({ name, gatewayUrl, capacity, ceiling, whenUnknown, escalationShare, onBreaker }: DispatchPoolOptions) {
    this.name = name;
    this.gatewayUrl = gatewayUrl;
    this.capacity = capacity;
    this.#whenUnknown = whenUnknown;
    this.#escalationShare = escalationShare;
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

  /** Whether one more call may be escalated now. */
  mayEscalate(nowMs: MonotonicMs): boolean {
    return nowMs >= this.#escalatesFromMs && mayEscalate(this.#escalated, this.#inFlight, this.#escalationShare);
  }

  /** Gives a place for a call. `onEnd` is called when it was given back, after the pool has learned what became of the call. */
  take(call: CalledPath, startedAtMs: MonotonicMs, onEnd: () => void, isEscalated = false): Permit {
    const { path, message, tenant } = call;
    const permit = new Permit((outcome, endedAtMs) => {
      this.#learn(outcome, call, { startedAtMs, endedAtMs, isEscalated });
      this.#inFlight -= 1;
      this.#escalated -= Number(isEscalated);
      this.breakers.ended(path, message, healthOf[outcome.became], endedAtMs);
      onEnd();
    });
    this.#inFlight += 1;
    this.#escalated += Number(isEscalated);
    this.breakers.began(path, message, tenant);
    return permit;
  }

  /** Whether the path gave a 2xx within the last minute. */
  isHealthy(path: string, nowMs: MonotonicMs): boolean {
    const atMs = this.#succeededAtMs.get(path);
    return atMs !== undefined && msBetween(atMs, nowMs) <= healthyForMs;
  }

  #learn(outcome: CallOutcome, call: CalledPath, { startedAtMs, endedAtMs, isEscalated }: TakenPlace): void {
    // Room for an escalated call says nothing about room for others.
    const heard = isEscalated && outcome.became !== 'capacity' ? ({ became: 'ignored' } as const) : outcome;
    this.#limit.ended(heard, { startedAtMs, endedAtMs, inFlight: this.#inFlight });
    if (outcome.became === 'success') {
      this.#succeededAtMs.set(call.path, endedAtMs);
      const waitMs = Math.max(0, msBetween(call.arrivedAtMs, startedAtMs));
      this.times.record(call, { waitMs, inferenceMs: msBetween(startedAtMs, endedAtMs) }, !isEscalated, endedAtMs);
    }
    if (outcome.became !== 'capacity') return;
    const pauseMs = Math.min(outcome.retryAfterMs, longestShedMs);
    this.#shedAtMs = endedAtMs;
    this.#shedUntilMs = latest(this.#shedUntilMs, later(endedAtMs, pauseMs));
    if (isEscalated) this.#escalatesFromMs = later(endedAtMs, Math.max(pauseMs, shortestEscalationPauseMs));
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
