import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import {
  admittance,
  type Breaker,
  type BreakerAdmittance,
  type BreakerHealth,
  began,
  closed,
  ended,
  type ProbeCandidate,
  probeTurn,
} from './breaker.ts';

/** Breakers by name, all with the same threshold: the paths of a pool, or the topics. */
export class BreakerBoard {
  readonly #threshold: number;
  readonly #onChange: (name: string, open: boolean) => void;
  readonly #breakers = new Map<string, Breaker>();
  #openCount = 0;

  /** `threshold`: distinct messages in a row that open a breaker. */
  constructor(threshold: number, onChange: (name: string, open: boolean) => void) {
    this.#threshold = threshold;
    this.#onChange = onChange;
  }

  /** Whether the message may use it now. Changes nothing. */
  admittance(name: string, message: string, nowMs: MonotonicMs): BreakerAdmittance {
    return admittance(this.#of(name), message, nowMs);
  }

  /** Whose turn it is to probe: the candidate with the lowest number. Undefined where it is closed. */
  probeTurn(name: string, candidate: ProbeCandidate): number | undefined {
    return probeTurn(this.#of(name), candidate);
  }

  /** The message uses it from now on. */
  began(name: string, message: string, tenant: string): void {
    if (this.isOpen(name)) this.#breakers.set(name, began(this.#of(name), message, tenant));
  }

  /** The message's use has ended, or has told something for the first time. */
  ended(name: string, message: string, health: BreakerHealth, nowMs: MonotonicMs): void {
    const before = this.#of(name);
    const after = ended(before, message, health, this.#threshold, nowMs);
    this.#breakers.set(name, after);
    if (before.state === after.state) return;
    this.#openCount += after.state === 'open' ? 1 : -1;
    this.#onChange(name, after.state === 'open');
  }

  /** Whether only probes may use it now. */
  isOpen(name: string): boolean {
    return this.#of(name).state === 'open';
  }

  /** Whether any is open now. */
  get hasOpen(): boolean {
    return this.#openCount > 0;
  }

  /** Names of those that are open now. */
  open(): string[] {
    return [...this.#breakers.keys()].filter((name) => this.isOpen(name));
  }

  #of(name: string): Breaker {
    return this.#breakers.get(name) ?? closed;
  }
}
