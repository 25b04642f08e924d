import { RecentRate } from '../../../shared/runtime/ewma.ts';
import {
  type EjectionReason,
  ejectionMs,
  faded,
  faultOf,
  type HealthVerdict,
  nextRecord,
  noRecord,
  pauseAfterFailureMs,
  pauseWhenFullMs,
  type RecentRecord,
  type Tally,
} from './ejection.ts';
import { slowStartShare } from './slow-start.ts';

/** What an endpoint must know of the others to be judged. */
export interface Peers {
  /** The pool can do without one more. */
  readonly canSpare: boolean;
  /** Of the others that are in use, together. */
  readonly tally: Tally;
}

/** What became of an endpoint. */
export type OutlierChange =
  | { readonly kind: 'ejected'; readonly reason: EjectionReason; readonly forMs: number }
  | { readonly kind: 'let back in' };

/** What a detector needs of its endpoint and pool. */
export interface OutlierDetectorOptions {
  readonly nowMs: () => number;
  readonly peers: () => Peers;
  readonly onChange: (change: OutlierChange) => void;
}

/** `/health` that fails this many times in a row makes an endpoint without traffic a failing one. Protocol: Kubernetes' `failureThreshold`. */
const mostHealthFailures = 3;
/** An endpoint that was well for this time is ejected for the first time again. Derived: twice the longest ejection. */
const forgivenAfterMs = 120_000;
/** Short, so that a rate tells what happens now. Derived: a tenth of a slow start. */
const rateMemoryMs = 1000;
const notPaused = Number.NEGATIVE_INFINITY;

interface Ejection {
  readonly reason: EjectionReason;
  readonly untilMs: number;
}

/**
 * Whether one endpoint may have requests, by what became of those it had: one that fails is ejected for a time, then one request
 * probes it, and with a success it comes back and starts slowly.
 */
export class OutlierDetector {
  readonly #options: OutlierDetectorOptions;
  readonly #placed: RecentRate;
  #record: RecentRecord = noRecord;
  #ejection: Ejection | undefined;
  #probing = false;
  #ejectionsInARow = 0;
  #backSinceMs = Number.NEGATIVE_INFINITY;
  #startedAtMs: number | undefined;
  #pausedUntilMs = notPaused;
  #healthFailures = 0;
  #sentAtMs: number;

  constructor(options: OutlierDetectorOptions) {
    this.#options = options;
    this.#sentAtMs = options.nowMs();
    this.#placed = new RecentRate(rateMemoryMs);
  }

  get ejection(): Ejection | undefined {
    return this.#ejection;
  }

  get admits(): boolean {
    return this.#ejection === undefined || this.probeDue;
  }

  /** The next request tells whether it is let back in. */
  get probeDue(): boolean {
    if (!this.#ejection || this.#probing || this.#healthFailures > 0) return false;
    return this.#options.nowMs() >= this.#ejection.untilMs;
  }

  get probing(): boolean {
    return this.#probing;
  }

  /** Others are preferred for a moment: it failed or declined its last requests, or said it is full. */
  get paused(): boolean {
    return this.#options.nowMs() < this.#pausedUntilMs;
  }

  /** Neither ejected nor paused nor starting; cheap to ask, and true for nearly all at nearly all times. */
  get isUnremarkable(): boolean {
    return this.#ejection === undefined && this.#pausedUntilMs === notPaused && this.startShare === undefined;
  }

  /** The share in [0, 1) of others' work that it may have while it starts; undefined once it has started. */
  get startShare(): number | undefined {
    if (this.#startedAtMs === undefined) return undefined;
    const share = slowStartShare(this.#options.nowMs() - this.#startedAtMs);
    return share < 1 ? share : undefined;
  }

  /** Requests per second that it was sent lately. */
  get perSecond(): number {
    return this.#placed.perSecond(this.#options.nowMs());
  }

  /** Milliseconds since it was sent a request, or came. */
  get quietForMs(): number {
    return this.#options.nowMs() - this.#sentAtMs;
  }

  get tally(): Tally {
    return faded(this.#record, this.#options.nowMs());
  }

  startSlowly(): void {
    this.#startedAtMs = this.#options.nowMs();
  }

  /** A request is sent to the endpoint. Returns whether it is the one that probes an ejected one: its end goes to `recordProbe` too. */
  sent(): boolean {
    const isProbe = this.probeDue;
    if (isProbe) this.#probing = true;
    this.#placed.record(this.#options.nowMs());
    this.#sentAtMs = this.#options.nowMs();
    return isProbe;
  }

  /** What `/health` says of an endpoint without traffic. */
  recordHealth(healthy: boolean): void {
    this.#healthFailures = healthy ? 0 : this.#healthFailures + 1;
    if (this.#healthFailures >= mostHealthFailures && !this.#ejection) this.#eject('health');
  }

  /** It answered that it is full. */
  recordFull(retryAfterSeconds: number): void {
    this.#pausedUntilMs = this.#options.nowMs() + pauseWhenFullMs(retryAfterSeconds);
  }

  /** What the end of one request says. */
  recordEnd(verdict: HealthVerdict): void {
    if (verdict === 'nothing') return;
    const nowMs = this.#options.nowMs();
    if (verdict === 'declined') {
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + pauseAfterFailureMs(1));
      return;
    }
    this.#record = nextRecord(this.#record, verdict, nowMs);
    this.#pausedUntilMs = verdict === 'well' ? notPaused : nowMs + pauseAfterFailureMs(this.#record.failuresInARow);
    if (verdict === 'well' || this.#ejection) return;
    const reason = faultOf(this.#record, this.#options.peers().tally);
    if (reason) this.#eject(reason);
  }

  /** What the request that probes it says: at its first byte, or at its end. */
  recordProbe(verdict: HealthVerdict): void {
    this.#probing = false;
    if (!this.#ejection) return;
    if (verdict === 'well') this.letBackIn();
    else if (verdict === 'failed' || verdict === 'timed_out') this.#ejectAgain(this.#ejection.reason);
  }

  /** Ends an ejection; what was held against it is forgotten. */
  letBackIn(): void {
    if (!this.#ejection) return;
    this.#ejection = undefined;
    this.#record = noRecord;
    this.#healthFailures = 0;
    this.#pausedUntilMs = notPaused;
    this.#backSinceMs = this.#options.nowMs();
    this.startSlowly();
    this.#options.onChange({ kind: 'let back in' });
  }

  #eject(reason: EjectionReason): void {
    if (!this.#options.peers().canSpare) return;
    if (this.#options.nowMs() - this.#backSinceMs > forgivenAfterMs) this.#ejectionsInARow = 0;
    this.#ejectAgain(reason);
  }

  #ejectAgain(reason: EjectionReason): void {
    this.#ejectionsInARow += 1;
    const forMs = ejectionMs(this.#ejectionsInARow);
    this.#ejection = { reason, untilMs: this.#options.nowMs() + forMs };
    this.#options.onChange({ kind: 'ejected', reason, forMs });
  }
}
