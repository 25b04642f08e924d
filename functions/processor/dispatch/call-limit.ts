import { LRUCache } from 'lru-cache';
import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import {
  afterCall,
  afterIdling,
  type CallQuota,
  type EndedCall,
  freshLimit,
  type Limit,
  quota,
  reopened,
  resumed,
  type SampleOutcome,
} from './limit.ts';
import {
  type BasePace,
  type CallGeneration,
  factorOf,
  kindOf,
  nextBase,
  nextSlowness,
  notSlow,
  type Slowness,
} from './limit-pace.ts';
import type { CallOutcome } from './permit.ts';

/** Why nothing may be sent, apart from the limit: the load that was read, or the gateway's own refusal. */
export type ClosedBy = 'reading' | 'shed';

/** The limit, and what closed the gate last where it has not opened since. */
interface LimitState {
  readonly limit: Limit;
  readonly closedBy: ClosedBy | undefined;
}

/** Producers name models, so the kinds have to be bounded. Derived: a few models times prompt and output sizes by powers of two. */
const maxKinds = 512;

const sampleOf = {
  success: 'success',
  refused: 'ignore',
  capacity: 'dropped',
  failure: 'ignore',
  ignored: 'ignore',
} as const satisfies Record<CallOutcome['became'], SampleOutcome>;

/** One pool's limit, and the pace of its calls. */
export class CallLimit {
  readonly #ceiling: number;
  #state: LimitState = { limit: freshLimit, closedBy: undefined };
  readonly #bases = new LRUCache<string, BasePace>({ max: maxKinds });
  #slowness: Slowness = notSlow;

  /** `ceiling`: calls at once, at most; at least 1. */
  constructor(ceiling: number) {
    this.#ceiling = ceiling;
  }

  /** In [1/16, ceiling]. */
  get calls(): number {
    return this.#state.limit.calls;
  }

  /** Time passed, and the gate is open or closed: how it was closed tells how to begin again. */
  advance(inFlight: number, closedBy: ClosedBy | undefined, nowMs: MonotonicMs): void {
    this.#state = projected(this.#state, inFlight, closedBy, nowMs);
  }

  /** How many calls may be under way now, as `advance` would leave it. Changes nothing. */
  quota(inFlight: number, closedBy: ClosedBy | undefined, nowMs: MonotonicMs): CallQuota {
    return quota(projected(this.#state, inFlight, closedBy, nowMs).limit, nowMs);
  }

  /** A call has ended. */
  ended(outcome: CallOutcome, call: Omit<EndedCall, 'outcome' | 'slowness'>): void {
    const { limit } = this.#state;
    if (outcome.became === 'success' && outcome.generation) {
      this.#learn(outcome.generation, call.startedAtMs >= limit.sinceMs, call.endedAtMs);
    }
    const ended = { ...call, outcome: sampleOf[outcome.became], slowness: factorOf(this.#slowness) };
    const next = afterCall(limit, ended, this.#ceiling);
    if (next.cutAtMs !== limit.cutAtMs) this.#slowness = notSlow;
    this.#state = { ...this.#state, limit: next };
  }

  #learn(generation: CallGeneration, isUnderThisLimit: boolean, nowMs: MonotonicMs): void {
    const kind = kindOf(generation);
    if (kind === undefined) return;
    const msPerToken = generation.durationMs / generation.outputTokens;
    const base = this.#bases.get(kind);
    if (isUnderThisLimit) this.#slowness = nextSlowness(this.#slowness, base, msPerToken);
    this.#bases.set(kind, nextBase(base, msPerToken, nowMs));
  }
}

/** A gate that was closed by a reading at any time since it was last open begins anew as after a reading. */
function projected(
  { limit, closedBy: before }: LimitState,
  inFlight: number,
  closedBy: ClosedBy | undefined,
  nowMs: MonotonicMs,
): LimitState {
  if (closedBy !== undefined) return { limit, closedBy: before === 'reading' ? 'reading' : closedBy };
  if (before === 'reading') return { limit: reopened(limit, inFlight, nowMs), closedBy };
  if (before === 'shed') return { limit: resumed(limit, inFlight, nowMs), closedBy };
  return { limit: afterIdling(limit, inFlight, nowMs), closedBy };
}
