import type { Health } from '../decisions/breaker.ts';
import { isExpired } from '../decisions/deadline.ts';
import { judge, type Reason, type Verdict } from '../decisions/verdict.ts';
import type { BreakerBoard } from './breaker-board.ts';
import type { Clock } from './clock.ts';
import type { Permit, Pool } from './pool.ts';

/** A message that wants a call. */
export interface Ask {
  /** Tells messages apart for the breakers. */
  readonly message: string;
  readonly pool: Pool;
  readonly path: string;
  /** Topics that must work for the message to be worth a call. */
  readonly topics: readonly string[];
  readonly limit: number;
  /** A retry's `retry_at`, 0 when there is none. */
  readonly notBeforeMs: number;
  readonly deadlineAtMs: number;
  /** Until when it may wait. */
  readonly giveUpAtMs: number;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

export type Admitted =
  | { readonly got: 'permit'; readonly permit: Permit }
  | { readonly got: 'deferred'; readonly reason: Reason }
  | { readonly got: 'expired' }
  | { readonly got: 'aborted' };

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly topics: BreakerBoard;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  readonly onVerdict: (pool: Pool, verdict: Verdict) => void;
}

interface Waiter {
  readonly ask: Ask;
  readonly settle: (admitted: Admitted) => void;
}

/**
 * Who may call now, who waits, and who goes back to Pub/Sub. Those who wait hold no place; when something changes they are looked at
 * again, the earliest deadline first.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #waiting: Waiter[] = [];
  #waitingBytes = 0;
  #closed = false;
  #cancelTimer: () => void = () => undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  async admit(ask: Ask): Promise<Admitted> {
    if (this.#closed) return { got: 'aborted' };
    const { verdict, settled } = this.#consider(ask);
    if (settled) return settled;
    const { maxWaiting, maxWaitingBytes, onVerdict } = this.#options;
    const isFull = this.#waiting.length >= maxWaiting || this.#waitingBytes + ask.sizeBytes > maxWaitingBytes;
    if (isFull) return this.#defer(ask, 'full');
    onVerdict(ask.pool, verdict);
    return new Promise((settle) => {
      this.#enter({ ask, settle });
      this.#schedule();
    });
  }

  /** Looks at all who wait again: call it whenever a pool or a topic changed. */
  review = (): void => {
    for (const waiter of [...this.#waiting]) {
      const { settled } = this.#consider(waiter.ask);
      if (settled) this.#leave(waiter, settled);
    }
    this.#schedule();
  };

  /** Sends everyone away who waits, and who comes. */
  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiting]) this.#leave(waiter, { got: 'aborted' });
    this.#cancelTimer();
  }

  #consider(ask: Ask): { verdict: Verdict; settled?: Admitted } {
    const nowMs = this.#options.clock.nowMs();
    const verdict = this.#judge(ask, nowMs);
    if (ask.signal.aborted) return { verdict, settled: { got: 'aborted' } };
    if (isExpired(ask.deadlineAtMs, nowMs)) return { verdict, settled: { got: 'expired' } };
    if (verdict.action === 'dispatch') return { verdict, settled: this.#grant(ask, verdict) };
    return nowMs >= ask.giveUpAtMs ? { verdict, settled: this.#defer(ask, verdict.reason) } : { verdict };
  }

  #judge(ask: Ask, nowMs: number): Verdict {
    const { pool, path, message, topics } = ask;
    return judge({
      ...pool.sight(nowMs),
      nowMs,
      notBeforeMs: ask.notBeforeMs,
      limit: ask.limit,
      breakers: [
        pool.breakers.admittance(path, message, nowMs),
        ...topics.map((topic) => this.#options.topics.admittance(topic, message, nowMs)),
      ],
    });
  }

  #grant(ask: Ask, verdict: Verdict): Admitted {
    this.#options.onVerdict(ask.pool, verdict);
    for (const topic of ask.topics) this.#options.topics.began(topic, ask.message);
    const { isProbe, end } = ask.pool.take(ask.path, ask.message);
    const endAndReview = (health: Health, nowMs: number): void => {
      end(health, nowMs);
      this.review();
    };
    return { got: 'permit', permit: { isProbe, end: endAndReview } };
  }

  #defer(ask: Ask, reason: Reason): Admitted {
    this.#options.onVerdict(ask.pool, { action: 'defer', reason });
    return { got: 'deferred', reason };
  }

  #enter(waiter: Waiter): void {
    const behind = this.#waiting.findIndex(({ ask }) => ask.deadlineAtMs > waiter.ask.deadlineAtMs);
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiter);
    this.#waitingBytes += waiter.ask.sizeBytes;
    waiter.ask.signal.addEventListener('abort', this.review);
  }

  #leave(waiter: Waiter, admitted: Admitted): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    this.#waitingBytes -= waiter.ask.sizeBytes;
    waiter.ask.signal.removeEventListener('abort', this.review);
    waiter.settle(admitted);
  }

  /** One timer, for the first instant at which time alone changes a verdict. */
  #schedule(): void {
    this.#cancelTimer();
    const nowMs = this.#options.clock.nowMs();
    const wakeAtMs = this.#waiting.reduce((earliest, { ask }) => {
      const verdict = this.#judge(ask, nowMs);
      const untilMs = verdict.action === 'wait' ? (verdict.untilMs ?? Number.POSITIVE_INFINITY) : nowMs;
      return Math.min(earliest, ask.giveUpAtMs, ask.deadlineAtMs, untilMs);
    }, Number.POSITIVE_INFINITY);
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#options.clock.after(Math.max(1, wakeAtMs - nowMs), this.review);
  }
}
