import { later, latest, longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import type { BreakerHealth, ProbeCandidate } from './breaker.ts';
import { BreakerBoard } from './breaker-board.ts';
import { CallLimit, type GateNow } from './call-limit.ts';
import { type CallKind, CallTimes } from './call-times.ts';
import type { CapacityGate } from './capacity-gate.ts';
import { LostDeadlines } from './overload.ts';
import { type CallOutcome, Permit } from './permit.ts';
import { StreamGaps } from './stream-pace.ts';
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
  /** The limit has grown while calls are under way: messages that wait may go. */
  readonly onRoom: () => void;
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
  /** Events of its stream that brought tokens. */
  readonly heardEvents: number;
}

/** Protocol: contract §3. */
const failuresToOpen = 5;
/** Protocol: contract §3, `min(Retry-After, 60 s)`. */
const longestShedMs = 60_000;
/** How long a 2xx speaks for its path. Protocol: contract §3. */
const healthyForMs = 60_000;
/** The source that our own gateway alone has data for. */
const ownGateway = 'gateway';
/** Below this saturation a pool counts as idle. Derived: a quarter of the queue, or of the cache, that makes it full. */
const idleBelow = 0.25;
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
  /** How many deadlines were lost lately. */
  readonly lost = new LostDeadlines();
  readonly #escalationShare: number;
  readonly #whenUnknown: GateInputs['whenUnknown'];
  readonly #limit: CallLimit;
  readonly #onRoom: () => void;
  readonly #succeededAtMs = new Map<string, MonotonicMs>();
  #inFlight = 0;
  /** Of those in flight. */
  #escalated = 0;
  #escalatesFromMs: MonotonicMs = longAgo;
  #shedAtMs: MonotonicMs = longAgo;
  #shedUntilMs: MonotonicMs = longAgo;

  constructor(options: DispatchPoolOptions) {
    this.name = options.name;
    this.gatewayUrl = options.gatewayUrl;
    this.capacity = options.capacity;
    this.#whenUnknown = options.whenUnknown;
    this.#escalationShare = options.escalationShare;
    this.#limit = new CallLimit(options.ceiling);
    this.#onRoom = options.onRoom;
    this.breakers = new BreakerBoard(failuresToOpen, options.onBreaker);
  }

  /** Calls under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls that may be under way at once, by what calls reported; below 1, for that share of the time. */
  get limit(): number {
    return this.#limit.calls;
  }

  /** Whether the gateway was read to be our own: it knows its load better than its answers tell it. */
  isOurs(nowMs: MonotonicMs): boolean {
    return this.capacity.readingAt(nowMs)?.source === ownGateway;
  }

  /**
   * How many messages that wait will be called within this time, at the pace of now: infinitely many where no pace is known. What is more
   * would go back to Pub/Sub all at once when its wait is over, and Pub/Sub would take that for an outage.
   */
  callsWithin(durationMs: number): number {
    return this.#limit.callsWithin(durationMs);
  }

  /** Time passed, and a message asks: reads the load where that is due, and lets the limit begin anew where the gate has opened. */
  advance(nowMs: MonotonicMs): void {
    this.capacity.advance(nowMs);
    this.#limit.advance(this.#gateNow(nowMs), nowMs);
  }

  /** What the pool looks like now. Changes nothing. */
  gateInputs(nowMs: MonotonicMs): PoolInputs {
    return {
      ...this.capacity.at(nowMs),
      whenUnknown: this.#whenUnknown,
      shedUntilMs: this.#shedEndMs(nowMs),
      inFlight: this.#inFlight,
      quota: this.#limit.quota(this.#gateNow(nowMs), nowMs),
    };
  }

  /** Whether one more call may be escalated now. Where the source does not say how real-time work fares, the share alone bounds it. */
  mayEscalate(nowMs: MonotonicMs): boolean {
    if (this.capacity.readingAt(nowMs)?.realtimeOverBudget) return false;
    return nowMs >= this.#escalatesFromMs && mayEscalate(this.#escalated, this.#inFlight, this.#escalationShare);
  }

  /** Gives a place for a call. `onEnd` is called when it was given back, after the pool has learned what became of the call. */
  take(call: CalledPath, startedAtMs: MonotonicMs, onEnd: () => void, isEscalated = false): Permit {
    const { path, message, tenant } = call;
    const stream = new StreamGaps();
    const ended = (outcome: CallOutcome, endedAtMs: MonotonicMs): void => {
      this.#learn(outcome, call, { startedAtMs, endedAtMs, isEscalated, heardEvents: stream.events });
      this.#inFlight -= 1;
      this.#escalated -= Number(isEscalated);
      this.breakers.ended(path, message, healthOf[outcome.became], endedAtMs);
      onEnd();
    };
    const permit = new Permit(ended, (nowMs) => this.#heard(stream, nowMs));
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

  #heard(stream: StreamGaps, nowMs: MonotonicMs): void {
    this.#limit.heard(stream, this.#inFlight, nowMs);
    if (Math.floor(this.#limit.calls) > this.#inFlight) this.#onRoom();
  }

  #learn(outcome: CallOutcome, call: CalledPath, place: TakenPlace): void {
    const { startedAtMs, endedAtMs, isEscalated } = place;
    // Room for an escalated call says nothing about room for others.
    const heard = isEscalated && outcome.became !== 'capacity' ? ({ became: 'ignored' } as const) : outcome;
    const saturation = this.capacity.readingAt(endedAtMs)?.saturation ?? Number.POSITIVE_INFINITY;
    const { isShed } = this.#limit.ended(heard, {
      ...place,
      inFlight: this.#inFlight,
      isIdle: saturation < idleBelow,
      isQueued: this.isOurs(endedAtMs),
    });
    if (outcome.became === 'success') {
      this.#succeededAtMs.set(call.path, endedAtMs);
      const waitMs = Math.max(0, msBetween(call.arrivedAtMs, startedAtMs));
      this.times.record(call, { waitMs, inferenceMs: msBetween(startedAtMs, endedAtMs) }, !isEscalated, endedAtMs);
    }
    if (outcome.became !== 'capacity') return;
    const pauseMs = Math.min(outcome.retryAfterMs, longestShedMs);
    if (isEscalated) this.#escalatesFromMs = later(endedAtMs, Math.max(pauseMs, shortestEscalationPauseMs));
    if (!isShed) return;
    this.#shedAtMs = endedAtMs;
    this.#shedUntilMs = latest(this.#shedUntilMs, later(endedAtMs, pauseMs));
  }

  #gateNow(nowMs: MonotonicMs): GateNow {
    return { inFlight: this.#inFlight, isClosed: this.#isClosed(nowMs), isQueued: this.isOurs(nowMs) };
  }

  /** Nothing may be sent now, whatever the limit. */
  #isClosed(nowMs: MonotonicMs): boolean {
    const { gate } = this.capacity.at(nowMs);
    if (gate === 'saturated' || gate === 'asleep' || this.#shedEndMs(nowMs) > nowMs) return true;
    return gate === 'unknown' && this.#whenUnknown !== 'open';
  }

  /**
   * The gateway had no room: nothing is sent for as long as it asked, a minute at most, and until the load has been read anew. Our own
   * tells its room now: once it was read, nothing that was asked before counts.
   */
  #shedEndMs(nowMs: MonotonicMs): MonotonicMs {
    if (this.capacity.readSince(this.#shedAtMs)) return this.isOurs(nowMs) ? this.#shedAtMs : this.#shedUntilMs;
    return latest(this.#shedUntilMs, this.capacity.at(nowMs).nextReadingAtMs, later(nowMs, 1));
  }
}
