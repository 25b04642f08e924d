import type { Health } from '../decisions/breaker.ts';
import type { Sight } from '../decisions/verdict.ts';
import { BreakerBoard } from './breaker-board.ts';
import type { Capacity } from './capacity.ts';

export interface PoolOptions {
  /** Bounded by the configuration, so that it can be a metric's label. */
  readonly name: string;
  readonly gatewayUrl: string;
  readonly capacity: Capacity;
  /** Calls that may be under way at once, at most. */
  readonly ceiling: number;
  readonly whenUnknown: Sight['whenUnknown'];
  readonly onBreaker: (path: string, open: boolean) => void;
}

export interface Permit {
  /** The call tries out a path whose breaker is open. */
  readonly isProbe: boolean;
  /** Gives the place back, and tells the breaker what the call said. Once. */
  end(health: Health, nowMs: number): void;
}

const failuresToOpen = 5;
const longestShedMs = 60_000;
const healthyForMs = 60_000;

/** What calls of one gateway pool share: its gate, its places and a breaker for each path. */
export class Pool {
  readonly name: string;
  readonly gatewayUrl: string;
  readonly capacity: Capacity;
  readonly ceiling: number;
  readonly breakers: BreakerBoard;
  readonly #whenUnknown: Sight['whenUnknown'];
  readonly #succeededAtMs = new Map<string, number>();
  #inFlight = 0;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #shedAtMs = Number.NEGATIVE_INFINITY;
  #shedUntilMs = Number.NEGATIVE_INFINITY;

  constructor({ name, gatewayUrl, capacity, ceiling, whenUnknown, onBreaker }: PoolOptions) {
    this.name = name;
    this.gatewayUrl = gatewayUrl;
    this.capacity = capacity;
    this.ceiling = ceiling;
    this.#whenUnknown = whenUnknown;
    this.breakers = new BreakerBoard(failuresToOpen, onBreaker);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** When the last call ended: infinite while one is under way, −infinite before the first. */
  get callsUntilMs(): number {
    return this.#inFlight > 0 ? Number.POSITIVE_INFINITY : this.#endedAtMs;
  }

  sight(nowMs: number): Pick<Sight, 'gate' | 'nextReadingAtMs' | 'whenUnknown' | 'shedUntilMs' | 'inFlight'> {
    const gate = this.capacity.look();
    return {
      gate,
      nextReadingAtMs: this.capacity.nextReadingAtMs,
      whenUnknown: this.#whenUnknown,
      shedUntilMs: this.capacity.readSince(this.#shedAtMs)
        ? this.#shedUntilMs
        : Math.max(this.#shedUntilMs, this.capacity.nextReadingAtMs, nowMs + 1),
      inFlight: this.#inFlight,
    };
  }

  take(path: string, message: string): Permit {
    const isProbe = this.breakers.isOpen(path);
    this.#inFlight += 1;
    this.breakers.began(path, message);
    let over = false;
    return {
      isProbe,
      end: (health, nowMs) => {
        if (over) return;
        over = true;
        this.#inFlight -= 1;
        this.#endedAtMs = nowMs;
        this.breakers.ended(path, message, health, nowMs);
      },
    };
  }

  /** The gateway had no room: nothing is sent for as long as it asked, a minute at most, and until the load has been read anew. */
  shed(retryAfterMs: number, nowMs: number): void {
    this.#shedAtMs = nowMs;
    this.#shedUntilMs = Math.max(this.#shedUntilMs, nowMs + Math.min(retryAfterMs, longestShedMs));
  }

  succeeded(path: string, nowMs: number): void {
    this.#succeededAtMs.set(path, nowMs);
  }

  /** Whether the path gave a 2xx within the last minute. */
  isHealthy(path: string, nowMs: number): boolean {
    const atMs = this.#succeededAtMs.get(path);
    return atMs !== undefined && nowMs - atMs <= healthyForMs;
  }
}
