import { RecentRate } from '../../../shared/runtime/ewma.ts';
import {
  type EjectionReason,
  ejectionMs,
  faded,
  faultOf,
  nextRecord,
  noRecord,
  pauseAfterFailureMs,
  pauseWhenFullMs,
  type RecentRecord,
  type Tally,
  type Verdict,
} from './ejection.ts';
import { slowStartShare } from './slow-start.ts';

/** What an endpoint must know of the others to be judged. */
export interface Peers {
  /** The pool can do without one more. */
  readonly canSpare: boolean;
  /** Of the others that are in use, together. */
  readonly tally: Tally;
}

export type OutlierChange =
  | { readonly kind: 'ejected'; readonly reason: EjectionReason; readonly forMs: number }
  | { readonly kind: 'let back in' };

export interface OutlierDetectorOptions {
  readonly nowMs: () => number;
  readonly peers: () => Peers;
  readonly onChange: (change: OutlierChange) => void;
}

/** `/health` that fails so often in a row makes an endpoint without traffic a failing one. */
const mostHealthFailures = 3;
/** An endpoint that was well for so long is ejected for the first time again. */
const forgivenAfterMs = 120_000;
/** Short, so that a rate tells what happens now. */
const rateMemoryMs = 1000;
const statusTooManyRequests = 429;
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
    return this.#ejection === undefined && this.#pausedUntilMs === notPaused && this.#startedAtMs === undefined;
  }

  /** The share in [0, 1) of others' work that it may have while it starts; undefined once it has started. */
  get startShare(): number | undefined {
    if (this.#startedAtMs === undefined) return undefined;
    const share = slowStartShare(this.#options.nowMs() - this.#startedAtMs);
    if (share < 1) return share;
    this.#startedAtMs = undefined;
    return undefined;
  }

  /** Requests per second that it was sent of late. */
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

  /** To be called for every request that is sent to the endpoint. */
  send(): Trial {
    const isProbe = this.probeDue;
    if (isProbe) this.#probing = true;
    this.#placed.record(this.#options.nowMs());
    this.#sentAtMs = this.#options.nowMs();
    return new Trial(this, isProbe);
  }

  /** What `/health` says of an endpoint without traffic. */
  recordHealth(healthy: boolean): void {
    this.#healthFailures = healthy ? 0 : this.#healthFailures + 1;
    if (this.#healthFailures >= mostHealthFailures && !this.#ejection) this.#eject('health');
  }

  recordFull(retryAfterSeconds: number): void {
    this.#pausedUntilMs = this.#options.nowMs() + pauseWhenFullMs(retryAfterSeconds);
  }

  recordEnd(verdict: Verdict): void {
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

  recordProbe(verdict: Verdict): void {
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

/** One request on an endpoint, from its dispatch to its end. */
export class Trial {
  readonly #standing: OutlierDetector;
  #isProbe: boolean;
  #ended = false;

  constructor(standing: OutlierDetector, isProbe: boolean) {
    this.#standing = standing;
    this.#isProbe = isProbe;
  }

  /** The first byte of an answer. A probe that succeeds so far need not end before others follow. */
  answered(status: number, retryAfterSeconds: number): void {
    if (this.#ended) return;
    if (status === statusTooManyRequests) this.#standing.recordFull(retryAfterSeconds);
    if (status < 300) this.#endProbe('well');
  }

  /** Counts once. */
  end(verdict: Verdict): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endProbe(verdict);
    this.#standing.recordEnd(verdict);
  }

  #endProbe(verdict: Verdict): void {
    if (!this.#isProbe) return;
    this.#isProbe = false;
    this.#standing.recordProbe(verdict);
  }
}
