import {
  earliest,
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  never,
  type UnixMs,
  type WallClock,
} from '../../../shared/runtime/clock.ts';
import { isExpired } from '../message/deadline.ts';
import type { BreakerBoard } from './breaker-board.ts';
import type { Permit, Pool } from './pool.ts';
import { SubscriptionQueue, type Waiter } from './subscription-queue.ts';
import { judge, type Reason, type Verdict } from './verdict.ts';

/** A message that wants a call. */
export interface CallRequest {
  /** Tells messages apart for the breakers. */
  readonly message: string;
  /** Those of one subscription share its places. */
  readonly subscription: string;
  readonly pool: Pool;
  readonly path: string;
  /** Topics that must work for the message to be worth a call. */
  readonly topics: readonly string[];
  /** Calls of the pool at once, as far as this subscription goes. */
  readonly limit: number;
  /** When a retry may be tried again; `longAgo` when the message is none. */
  readonly notBeforeMs: MonotonicMs;
  readonly deadlineAtMs: UnixMs;
  /** Until when it may wait. */
  readonly giveUpAtMs: MonotonicMs;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

export type AdmissionOutcome =
  | { readonly got: 'permit'; readonly permit: Permit }
  | { readonly got: 'deferred'; readonly reason: Reason }
  | { readonly got: 'expired' }
  | { readonly got: 'aborted' };

export interface AdmissionOptions {
  readonly clock: MonotonicClock;
  readonly wall: WallClock;
  readonly topics: BreakerBoard;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  readonly onVerdict: (pool: Pool, verdict: Verdict) => void;
}

/** Those who want calls of one pool, by subscription. */
interface PoolQueue {
  readonly lanes: Map<string, SubscriptionQueue>;
  cancelTimer: () => void;
}

/**
 * Who may call now, who waits, and who goes back to Pub/Sub. Those who wait hold no call's place. A place that becomes free goes to the
 * subscription with the fewest calls under way, and there to the earliest deadline. When places to wait run out, the subscription that
 * has most of them gives up its latest deadline: so none starves another, whatever its backlog.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #approaches = new Map<Pool, PoolQueue>();
  readonly #waiters = new Set<Waiter>();
  #waitingBytes = 0;
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  async admit(ask: CallRequest): Promise<AdmissionOutcome> {
    if (this.#closed) return { got: 'aborted' };
    const { verdict, settled } = this.#consider(ask);
    if (settled) return settled;
    if (ask.sizeBytes > this.#options.maxWaitingBytes) return this.#defer(ask, 'full');
    return new Promise((settle) => {
      const waiter = { ask, settle, release: () => undefined };
      this.#enter(waiter, verdict);
      this.#reviewPool(ask.pool);
    });
  }

  /** Looks at those who wait again: call it whenever a pool or a topic changed. */
  review = (): void => {
    for (const pool of this.#approaches.keys()) this.#reviewPool(pool);
  };

  /** Sends everyone away who waits, and who comes. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters) this.#leave(waiter, { got: 'aborted' });
    for (const { cancelTimer } of this.#approaches.values()) cancelTimer();
  }

  #consider(ask: CallRequest): { verdict: Verdict; settled?: AdmissionOutcome } {
    const nowMs = this.#options.clock.nowMs();
    const verdict = this.#judge(ask, nowMs);
    if (ask.signal.aborted) return { verdict, settled: { got: 'aborted' } };
    if (isExpired(ask.deadlineAtMs, this.#options.wall.unixMs())) return { verdict, settled: { got: 'expired' } };
    if (verdict.action === 'dispatch') return { verdict, settled: this.#grant(ask, verdict) };
    return nowMs >= ask.giveUpAtMs ? { verdict, settled: this.#defer(ask, verdict.reason) } : { verdict };
  }

  #judge(ask: CallRequest, nowMs: MonotonicMs): Verdict {
    const { pool, path, message, topics } = ask;
    const { quota, ...sight } = pool.sight(nowMs);
    return judge({
      ...sight,
      quota: { ...quota, calls: Math.min(quota.calls, ask.limit) },
      nowMs,
      notBeforeMs: ask.notBeforeMs,
      giveUpAtMs: ask.giveUpAtMs,
      breakers: [
        pool.breakers.admittance(path, message, nowMs),
        ...topics.map((topic) => this.#options.topics.admittance(topic, message, nowMs)),
      ],
    });
  }

  #grant(ask: CallRequest, verdict: Verdict): AdmissionOutcome {
    const { clock, topics, onVerdict } = this.#options;
    onVerdict(ask.pool, verdict);
    for (const topic of ask.topics) topics.began(topic, ask.message);
    const lane = this.#laneOf(ask);
    lane.inFlight += 1;
    const permit = ask.pool.take(ask.path, ask.message, clock.nowMs());
    let over = false;
    const end: Permit['end'] = (report, nowMs) => {
      if (over) return;
      over = true;
      permit.end(report, nowMs);
      lane.inFlight -= 1;
      this.#prune(ask, lane);
      this.#reviewPool(ask.pool);
    };
    return { got: 'permit', permit: { isProbe: permit.isProbe, end } };
  }

  #defer(ask: CallRequest, reason: Reason): AdmissionOutcome {
    this.#options.onVerdict(ask.pool, { action: 'defer', reason });
    return { got: 'deferred', reason };
  }

  #enter(waiter: Waiter, verdict: Verdict): void {
    const { ask } = waiter;
    this.#laneOf(ask).enter(waiter, verdict.reason === 'too-early');
    this.#waiters.add(waiter);
    this.#waitingBytes += ask.sizeBytes;
    this.#watch(waiter);
    this.#makeRoom(ask);
    if (this.#waiters.has(waiter)) this.#options.onVerdict(ask.pool, verdict);
  }

  #leave(waiter: Waiter, admitted: AdmissionOutcome): void {
    const { ask } = waiter;
    const lane = this.#laneOf(ask);
    waiter.release();
    this.#waiters.delete(waiter);
    this.#waitingBytes -= ask.sizeBytes;
    lane.leave(waiter);
    this.#prune(ask, lane);
    waiter.settle(admitted);
  }

  /** Until places and bytes are enough again for all who wait. */
  #makeRoom(newcomer: CallRequest): void {
    const { maxWaiting, maxWaitingBytes } = this.#options;
    for (;;) {
      const isCrowded = this.#waiters.size > maxWaiting;
      if (!isCrowded && this.#waitingBytes <= maxWaitingBytes) return;
      const shareOf = (lane: SubscriptionQueue): number => (isCrowded ? lane.waiting : lane.sizeBytes);
      const lanes = [...this.#approaches.values()].flatMap((approach) => [...approach.lanes.values()]);
      const largest = lanes.reduce(
        (most, lane) => (shareOf(lane) > shareOf(most) ? lane : most),
        this.#laneOf(newcomer),
      );
      const latest = largest.latest();
      if (latest) this.#leave(latest, this.#defer(latest.ask, 'full'));
    }
  }

  /** What happens to this one alone, by time or because nobody listens any more. */
  #watch(waiter: Waiter): void {
    const { ask } = waiter;
    const { clock, wall } = this.#options;
    const nowMs = clock.nowMs();
    const ripeAtMs = ask.notBeforeMs > nowMs ? ask.notBeforeMs : never;
    const wakeAfterMs = Math.min(
      msBetween(nowMs, earliest(ask.giveUpAtMs, ripeAtMs)),
      msBetween(wall.unixMs(), ask.deadlineAtMs),
    );
    const cancelTimer = clock.after(Math.max(1, wakeAfterMs), () => this.#wake(waiter));
    const abort = (): void => this.#leave(waiter, { got: 'aborted' });
    ask.signal.addEventListener('abort', abort);
    waiter.release = () => {
      cancelTimer();
      ask.signal.removeEventListener('abort', abort);
    };
  }

  #wake(waiter: Waiter): void {
    const { ask } = waiter;
    const { settled } = this.#consider(ask);
    if (settled) {
      this.#leave(waiter, settled);
      return;
    }
    waiter.release();
    if (ask.notBeforeMs <= this.#options.clock.nowMs()) this.#laneOf(ask).ripen(waiter);
    this.#watch(waiter);
    this.#reviewPool(ask.pool);
  }

  /** Gives out what the pool allows, the lanes taking turns, and sets the clock for when time alone will allow more. */
  #reviewPool(pool: Pool): void {
    const approach = this.#approachOf(pool);
    approach.cancelTimer();
    const lanes = new Set([...approach.lanes.values()].filter(({ ready }) => ready.length > 0));
    let wakeAtMs: MonotonicMs = never;
    while (lanes.size > 0) {
      const lane = [...lanes].reduce((first, other) => (isBefore(other, first) ? other : first));
      const { waiter, verdict, untilMs } = this.#nextOf(lane);
      if (waiter) this.#leave(waiter, this.#grant(waiter.ask, verdict));
      else wakeAtMs = earliest(wakeAtMs, untilMs);
      if (!waiter || lane.ready.length === 0) lanes.delete(lane);
    }
    if (wakeAtMs === never) return;
    const { clock } = this.#options;
    approach.cancelTimer = clock.after(Math.max(1, msBetween(clock.nowMs(), wakeAtMs)), () => this.#reviewPool(pool));
  }

  /** The lane's first who may go. What keeps one back keeps back all behind, unless it is a breaker: those differ by path and message. */
  #nextOf(lane: SubscriptionQueue): Next {
    const nowMs = this.#options.clock.nowMs();
    let untilMs: MonotonicMs = never;
    for (const waiter of lane.ready) {
      const verdict = this.#judge(waiter.ask, nowMs);
      if (verdict.action === 'dispatch') return { waiter, verdict };
      if (verdict.action === 'wait') untilMs = earliest(untilMs, verdict.untilMs ?? never);
      if (verdict.reason !== 'breaker') break;
    }
    return { untilMs };
  }

  #approachOf(pool: Pool): PoolQueue {
    const known = this.#approaches.get(pool);
    if (known) return known;
    const approach = { lanes: new Map<string, SubscriptionQueue>(), cancelTimer: () => undefined };
    this.#approaches.set(pool, approach);
    return approach;
  }

  #laneOf({ pool, subscription }: CallRequest): SubscriptionQueue {
    const { lanes } = this.#approachOf(pool);
    const lane = lanes.get(subscription) ?? new SubscriptionQueue();
    lanes.set(subscription, lane);
    return lane;
  }

  /** Subscriptions are named by whoever pushes: only those that hold something are remembered. */
  #prune({ pool, subscription }: CallRequest, lane: SubscriptionQueue): void {
    if (lane.isEmpty) this.#approachOf(pool).lanes.delete(subscription);
  }
}

/** `untilMs`: when time alone could let one go. */
type Next =
  | { readonly waiter: Waiter; readonly verdict: Verdict; readonly untilMs?: never }
  | { readonly waiter?: never; readonly verdict?: never; readonly untilMs: MonotonicMs };

function isBefore(lane: SubscriptionQueue, other: SubscriptionQueue): boolean {
  if (lane.inFlight !== other.inFlight) return lane.inFlight < other.inFlight;
  return lane.ready[0]!.ask.deadlineAtMs < other.ready[0]!.ask.deadlineAtMs;
}
