import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import {
  afterCall,
  afterIdling,
  type EndedCall,
  freshLimit,
  type Limit,
  type Quota,
  quota,
  reopened,
  resumed,
} from './limit.ts';
import {
  type BasePace,
  factorOf,
  type Generation,
  kindOf,
  nextBase,
  nextSlowness,
  notSlow,
  type Slowness,
} from './limit-pace.ts';

/** Why nothing may be sent, apart from the limit: the load that was read, or the gateway's own refusal. */
export type ClosedBy = 'reading' | 'shed';

/** Models are the producers' to name. */
const maxKinds = 512;

/** One pool's limit, and the pace of its calls. */
export class CallLimit {
  readonly #ceiling: number;
  #limit: Limit = freshLimit;
  #closedBy: ClosedBy | undefined;
  readonly #bases = new Map<string, BasePace>();
  #slowness: Slowness = notSlow;

  constructor(ceiling: number) {
    this.#ceiling = ceiling;
  }

  /** In [1/16, ceiling]. */
  get calls(): number {
    return this.#limit.calls;
  }

  get lastEndAtMs(): MonotonicMs {
    return this.#limit.lastEndAtMs;
  }

  /** To be asked whenever the gate is looked at: what it was tells how to begin again. */
  quota(inFlight: number, closedBy: ClosedBy | undefined, nowMs: MonotonicMs): Quota {
    if (closedBy !== undefined) {
      this.#closedBy = this.#closedBy === 'reading' ? 'reading' : closedBy;
    } else if (this.#closedBy !== undefined) {
      const again = this.#closedBy === 'reading' ? reopened : resumed;
      this.#limit = again(this.#limit, inFlight, nowMs);
      this.#closedBy = undefined;
    } else {
      this.#limit = afterIdling(this.#limit, inFlight, nowMs);
    }
    return quota(this.#limit, nowMs);
  }

  /** `generation`: of a call that succeeded, where its answer counts tokens. */
  ended(call: Omit<EndedCall, 'slowness'>, generation: Generation | undefined): void {
    if (generation) this.#learn(generation, call.startedAtMs >= this.#limit.sinceMs, call.endedAtMs);
    const before = this.#limit;
    this.#limit = afterCall(before, { ...call, slowness: factorOf(this.#slowness) }, this.#ceiling);
    if (this.#limit.cutAtMs !== before.cutAtMs) this.#slowness = notSlow;
  }

  #learn(generation: Generation, isUnderThisLimit: boolean, nowMs: MonotonicMs): void {
    const kind = kindOf(generation);
    if (kind === undefined) return;
    const msPerToken = generation.durationMs / generation.outputTokens;
    const base = this.#bases.get(kind);
    if (isUnderThisLimit) this.#slowness = nextSlowness(this.#slowness, base, msPerToken);
    this.#bases.delete(kind);
    this.#bases.set(kind, nextBase(base, msPerToken, nowMs));
    if (this.#bases.size > maxKinds) this.#bases.delete(this.#bases.keys().next().value!);
  }
}
