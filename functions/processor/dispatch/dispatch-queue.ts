import {
  earliest,
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  never,
  type WallClock,
} from '../../../shared/runtime/clock.ts';
import { LinkedList } from '../../../shared/runtime/linked-list.ts';
import type { BreakerBoard } from './breaker-board.ts';
import type { AdmissionOutcome, CallRequest, WaitingCall } from './call-request.ts';
import type { DispatchPool } from './dispatch-pool.ts';
import { escalated, type Urgency, waitsForRoom } from './escalation.ts';
import { givenUpAtMs } from './overload.ts';
import { PoolQueue } from './pool-queue.ts';
import { neededMs } from './urgency.ts';
import { type DispatchVerdict, type GateReason, type GateVerdict, judge } from './verdict.ts';

/** What a queue is made from. */
export interface DispatchQueueOptions {
  readonly clock: MonotonicClock;
  /** For deadlines. */
  readonly wall: WallClock;
  readonly topics: BreakerBoard;
  /** Messages that may wait at once, of all subscriptions together. */
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  /** A message may go, begins to wait, or goes back to Pub/Sub. */
  readonly onVerdict: (pool: DispatchPool, verdict: GateVerdict) => void;
}

/** Timers below this would only spin. Derived: Node's own shortest timer. */
const shortestTimerMs = 1;

/**
 * Decides which message may call now, which waits, and which goes back to Pub/Sub. A message that waits holds no call's place. A place
 * that becomes free goes to the subscription whose turn it is, there to the tenant whose turn it is, and there to the earliest deadline.
 * When places to wait run out, the tenant that has most of them, of the subscription that has most, gives up the latest deadline of all its
 * lanes: so none starves another, whatever its backlog, and a far deadline makes room for a near one.
 */
export class DispatchQueue {
  readonly #options: DispatchQueueOptions;
  readonly #pools = new Map<DispatchPool, PoolQueue>();
  readonly #cancelReviews = new Map<DispatchPool, () => void>();
  readonly #waiting = new LinkedList<WaitingCall>();
  #waitingBytes = 0;
  #isClosed = false;

  constructor(options: DispatchQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when the message may call, or is to wait no longer. */
  async admit(request: CallRequest): Promise<AdmissionOutcome> {
    if (this.#isClosed) return { got: 'aborted' };
    const { verdict, outcome } = this.#consider(request);
    if (outcome) return outcome;
    if (request.sizeBytes > this.#options.maxWaitingBytes) return this.#defer(request, 'full');
    return new Promise((settle) => {
      this.#enqueue({ request, settle, watches: [], place: undefined }, verdict);
      this.#review(request.pool);
    });
  }

  /** Messages that wait for a call of this pool. */
  waitingFor = (pool: DispatchPool): number => this.#pools.get(pool)?.waiting ?? 0;
  /** Judges the messages that wait again: call it whenever a pool or a topic changed. */
  review = (): void => {
    for (const pool of this.#pools.keys()) this.#review(pool);
  };

  /** Sends back all messages that wait, and from now on all that come. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#waiting) this.#dequeue(call, { got: 'aborted' });
    for (const cancel of this.#cancelReviews.values()) cancel();
  }

  #consider(request: CallRequest): { readonly verdict: GateVerdict; readonly outcome?: AdmissionOutcome } {
    const nowMs = this.#options.clock.nowMs();
    request.pool.advance(nowMs);
    const verdict = this.#judge(request, nowMs);
    const end = this.#endOf(request, verdict, nowMs);
    if (end) return { verdict, outcome: end };
    if (verdict.action === 'dispatch') return { verdict, outcome: this.#grant(request, verdict, nowMs) };
    return nowMs >= request.giveUpAtMs ? { verdict, outcome: this.#defer(request, verdict.reason) } : { verdict };
  }

  /** Why the message needs no call any more; undefined where it does. The pool learns of a deadline that is lost, or as good as that. */
  #endOf(request: CallRequest, verdict: GateVerdict, nowMs: MonotonicMs): AdmissionOutcome | undefined {
    if (request.signal.aborted) return { got: 'aborted' };
    const { pool, windowMs } = request;
    const end = this.#lossOf(request, verdict, nowMs);
    const isLost = end || (verdict.action === 'defer' && this.#leftMs(request) <= givenUpAtMs(windowMs, true));
    // An outage is no overload, and what was late when it was published says nothing of the pool.
    if (isLost && waitsForRoom(verdict.reason) && windowMs > 0) pool.lost.record(true, nowMs);
    return end;
  }

  #lossOf(request: CallRequest, verdict: GateVerdict, nowMs: MonotonicMs): AdmissionOutcome | undefined {
    const { pool, windowMs } = request;
    const leftMs = this.#leftMs(request);
    if (leftMs <= 0) return { got: 'expired' };
    const fastestMs = pool.times.fastestMs(request, nowMs);
    if (fastestMs === undefined) return undefined;
    if (leftMs < fastestMs) return { got: 'unreachable', leftMs, fastestMs, isOverload: false };
    const isHeld = verdict.action !== 'dispatch' && waitsForRoom(verdict.reason);
    const atMs = givenUpAtMs(windowMs, verdict.action === 'defer');
    if (!isHeld || leftMs > atMs || !pool.lost.isOverload(nowMs)) return undefined;
    return { got: 'unreachable', leftMs, fastestMs, isOverload: true };
  }

  #judge(request: CallRequest, nowMs: MonotonicMs): GateVerdict {
    const { pool, path, message, topics, maxInFlight } = request;
    const { quota, ...inputs } = pool.gateInputs(nowMs);
    const verdict = judge({
      ...inputs,
      quota: { ...quota, calls: Math.min(quota.calls, maxInFlight) },
      nowMs,
      notBeforeMs: request.notBeforeMs,
      giveUpAtMs: request.giveUpAtMs,
      breakers: [
        pool.breakers.admittance(path, message, nowMs),
        ...topics.map((topic) => this.#options.topics.admittance(topic, message, nowMs)),
      ],
    });
    return request.hasEscalation ? escalated(verdict, this.#urgencyOf(request, nowMs)) : verdict;
  }

  #urgencyOf(request: CallRequest, nowMs: MonotonicMs): Urgency {
    const { pool, attemptsFailed, giveUpAtMs, maxInFlight } = request;
    const usual = pool.times.usual(request, nowMs);
    return {
      leftMs: this.#leftMs(request),
      neededMs: neededMs({ usual, attemptsFailed, isLastChance: nowMs >= giveUpAtMs }),
      mayEscalate: pool.inFlight < maxInFlight && pool.mayEscalate(nowMs),
    };
  }

  #isUrgent(request: CallRequest, nowMs: MonotonicMs): boolean {
    const { leftMs, neededMs: needed } = this.#urgencyOf(request, nowMs);
    return leftMs < needed;
  }

  #leftMs({ deadlineAtMs }: CallRequest): number {
    return msBetween(this.#options.wall.unixMs(), deadlineAtMs);
  }

  /** The lowest is first to probe what is out of all that the message depends on; undefined where none of that is out. */
  #probeTurn(request: CallRequest): number | undefined {
    const ofTopics = request.topics.map((topic) => this.#options.topics.probeTurn(topic, request));
    const turns = [request.pool.breakers.probeTurn(request.path, request), ...ofTopics];
    const ofOpen = turns.filter((turn) => turn !== undefined);
    return ofOpen.length === 0 ? undefined : ofOpen.reduce((sum, turn) => sum + turn, 0);
  }

  #grant(request: CallRequest, verdict: DispatchVerdict, nowMs: MonotonicMs): AdmissionOutcome {
    const { pool, message, tenant, topics } = request;
    pool.lost.record(false, nowMs);
    this.#options.onVerdict(pool, verdict);
    for (const topic of topics) this.#options.topics.began(topic, message, tenant);
    this.#queueOf(pool).began(request);
    const { escalation } = verdict;
    const ended = (): void => {
      this.#queueOf(pool).ended(request);
      this.#review(pool);
    };
    const permit = pool.take(request, nowMs, ended, escalation !== undefined);
    return { got: 'permit', permit, ...(escalation ? { escalation } : {}) };
  }

  #defer(request: CallRequest, reason: GateReason): AdmissionOutcome {
    const verdict = { action: 'defer', reason } as const;
    const end = this.#endOf(request, verdict, this.#options.clock.nowMs());
    if (end) return end;
    this.#options.onVerdict(request.pool, verdict);
    return { got: 'deferred', reason };
  }

  #enqueue(call: WaitingCall, verdict: GateVerdict): void {
    const { pool, sizeBytes } = call.request;
    this.#queueOf(pool).add(call, verdict.reason === 'too-early');
    call.place = this.#waiting.add(call);
    this.#waitingBytes += sizeBytes;
    this.#watch(call);
    this.#makeRoom(call);
    if (!call.place.removed) this.#options.onVerdict(pool, verdict);
  }

  #dequeue(call: WaitingCall, outcome: AdmissionOutcome): void {
    const { pool, sizeBytes } = call.request;
    release(call);
    if (call.place) this.#waiting.remove(call.place);
    this.#waitingBytes -= sizeBytes;
    this.#queueOf(pool).remove(call);
    call.settle(outcome);
  }

  /** Sends messages back until places and bytes are enough again; of queues that hold alike, the newcomer's gives up first. */
  #makeRoom({ request }: WaitingCall): void {
    const { maxWaiting, maxWaitingBytes, clock } = this.#options;
    const pool = this.#queueOf(request.pool);
    const inTime = request.pool.callsWithin(msBetween(clock.nowMs(), request.giveUpAtMs));
    for (;;) {
      const isLate = pool.waiting > inTime;
      const isCrowded = this.#waiting.size > maxWaiting || isLate;
      if (!isCrowded && this.#waitingBytes <= maxWaitingBytes) return;
      const share = isCrowded ? 'waiting' : 'sizeBytes';
      const queues = (isLate ? [pool] : [...this.#pools.values()]).flatMap(({ subscriptions }) => subscriptions);
      const own = pool.queueOf(request);
      const subscription = largest(queues, share, own);
      const last = largest(subscription.tenants, share, subscription.queueOf(request)).latest();
      const latest = last && this.#queueOf(last.request.pool).latestOfLanes(last);
      if (latest) this.#dequeue(latest, this.#defer(latest.request, 'full'));
    }
  }

  /** Arms what ends this message's wait alone, or makes it urgent: its time, or its signal. */
  #watch(call: WaitingCall): void {
    const { request } = call;
    const { notBeforeMs, giveUpAtMs, signal } = request;
    const nowMs = this.#options.clock.nowMs();
    const wakeAtMs = earliest(giveUpAtMs, notBeforeMs > nowMs ? notBeforeMs : never);
    const delayMs = Math.max(shortestTimerMs, Math.min(msBetween(nowMs, wakeAtMs), this.#changesInMs(request, nowMs)));
    const cancelTimer = this.#options.clock.after(delayMs, () => this.#wake(call));
    const abort = (): void => this.#dequeue(call, { got: 'aborted' });
    signal.addEventListener('abort', abort);
    call.watches.push(cancelTimer, () => signal.removeEventListener('abort', abort));
  }

  /** When the time left makes another case of the message: it becomes urgent, is given up in overload, or can be met no more. */
  #changesInMs(request: CallRequest, nowMs: MonotonicMs): number {
    const leftMs = this.#leftMs(request);
    const fastestMs = request.pool.times.fastestMs(request, nowMs) ?? 0;
    const urgentInMs = request.hasEscalation ? leftMs - this.#urgencyOf(request, nowMs).neededMs : 0;
    const earlyInMs = leftMs - givenUpAtMs(request.windowMs);
    return Math.min(leftMs - fastestMs, ...[urgentInMs, earlyInMs].filter((inMs) => inMs > 0));
  }

  #wake(call: WaitingCall): void {
    const { request } = call;
    const { outcome } = this.#consider(request);
    if (outcome) {
      this.#dequeue(call, outcome);
      return;
    }
    release(call);
    if (request.notBeforeMs <= this.#options.clock.nowMs()) this.#queueOf(request.pool).ripen(call);
    this.#watch(call);
    this.#review(request.pool);
  }

  /** Gives out what the pool allows, and arms a timer for when time alone will allow more. */
  #review(pool: DispatchPool): void {
    this.#cancelReviews.get(pool)?.();
    const queue = this.#queueOf(pool);
    // Without a message that could go, nothing is asked of the pool: its load is read for messages alone.
    if (!queue.hasReady) return;
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    pool.advance(nowMs);
    const wakeAtMs = queue.dispatch(
      (request) => this.#judge(request, nowMs),
      pool.breakers.hasOpen || this.#options.topics.hasOpen ? (request) => this.#probeTurn(request) : undefined,
      (call, verdict) => {
        const { request } = call;
        this.#dequeue(call, this.#endOf(request, verdict, nowMs) ?? this.#grant(request, verdict, nowMs));
      },
      (request) => this.#isUrgent(request, nowMs),
    );
    if (wakeAtMs === never) return;
    const delayMs = Math.max(shortestTimerMs, msBetween(nowMs, wakeAtMs));
    const cancel = clock.after(delayMs, () => this.#review(pool));
    this.#cancelReviews.set(pool, cancel);
  }

  #queueOf(pool: DispatchPool): PoolQueue {
    const queue = this.#pools.get(pool) ?? new PoolQueue();
    this.#pools.set(pool, queue);
    return queue;
  }
}

/** What would end the call's wait no longer does. */
function release({ watches }: WaitingCall): void {
  for (const end of watches.splice(0)) end();
}

/** The one that has most, of those that hold alike `favourite` where it is one of them. */
function largest<S extends 'waiting' | 'sizeBytes', Q extends Readonly<Record<S, number>>>(
  queues: readonly Q[],
  share: S,
  favourite: Q | undefined,
): Q {
  return queues.reduce((most, queue) => (queue[share] > most[share] ? queue : most), favourite ?? queues[0]!);
}
