import { longAgo, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import { ewma } from '../../../shared/runtime/ewma.ts';
import {
  type CallGeneration,
  fewestTokens,
  noAnswers,
  sampleOfAnswer,
  sampleOfShort,
  type UncountedGeneration,
  uncounted,
  withAnswer,
} from './answer-pace.ts';
import {
  afterEnd,
  afterIdling,
  afterSample,
  afterShed,
  type CallQuota,
  freshLimit,
  type Limit,
  type LoadSample,
  quota,
  reopened,
} from './limit.ts';
import type { CallOutcome } from './permit.ts';
import { nextUnloaded, nothingUnloaded, targetsOf, type Unloaded } from './promise.ts';
import { afterFullQueue, afterQueued, startedBeforeQueue } from './queued-limit.ts';
import { noGaps, type StreamGaps, sampleOf, withGap } from './stream-pace.ts';

/** A call that has ended, as its pool's limit hears of it. */
export interface EndedCall {
  readonly startedAtMs: MonotonicMs;
  readonly endedAtMs: MonotonicMs;
  /** This call included. */
  readonly inFlight: number;
  /** Events of its stream that brought tokens, 0 where it was none. From two on, the gaps between them were heard. */
  readonly heardEvents: number;
  /** The pool was read to have hardly any load. */
  readonly isIdle: boolean;
  /** The gateway is our own, which bounds and queues async work. */
  readonly isQueued: boolean;
}

/** What stands before the next call. */
export interface GateNow {
  readonly inFlight: number;
  /** Nothing may be sent, whatever the limit. */
  readonly isClosed: boolean;
  /** The gateway is our own. */
  readonly isQueued: boolean;
}

/** The limit, and whether the gate was closed when time passed last. */
interface LimitState {
  readonly limit: Limit;
  readonly isClosed: boolean;
}

/** Of the newest answer in what is counted of them. Measured: docs/how-async-takes-what-is-left.md. */
const eventWeight = 1 / 8;
/** As many as a limit begins with, and a little more. Derived from that. */
const fewCalls = 2;
/** The limit follows gaps no more often than this. Derived: some tokens of each stream come in between. */
const sampleEveryMs = 250;

/** Of the time that a message may wait: the pace is known to about a fifth. Derived from that. */
const usedWaitShare = 0.8;

/** One pool's limit, and what its calls told of the load. */
export class CallLimit {
  readonly #ceiling: number;
  #state: LimitState = { limit: freshLimit, isClosed: false };
  #answers = noAnswers;
  #gaps = noGaps;
  #sampledAtMs: MonotonicMs = longAgo;
  #succeededAtMs: MonotonicMs = longAgo;
  #tokensPerEvent = 1;
  #unloaded: Unloaded = nothingUnloaded;

  /** `ceiling`: calls at once, at most; at least 1. */
  constructor(ceiling: number) {
    this.#ceiling = ceiling;
  }

  /** In [1/16, ceiling]. */
  get calls(): number {
    return this.#state.limit.calls;
  }

  /** How many calls begin within this time; infinitely many while the limit is not known, in slow start and behind a closed gate. */
  callsWithin(durationMs: number): number {
    const { limit, isClosed } = this.#state;
    if (isClosed || limit.isStarting) return Number.POSITIVE_INFINITY;
    return Math.ceil((limit.calls / limit.roundTripMs) * usedWaitShare * durationMs);
  }

  /** Time passed: after a closed gate, and after a time without calls, the limit begins anew. */
  advance(gate: GateNow, nowMs: MonotonicMs): void {
    this.#state = projected(this.#state, gate, this.#ceiling, nowMs);
  }

  /** How many calls may be under way now, as `advance` would leave it. Changes nothing. */
  quota(gate: GateNow, nowMs: MonotonicMs): CallQuota {
    return quota(projected(this.#state, gate, this.#ceiling, nowMs).limit, nowMs);
  }

  /** Tokens of a stream have come, in one event. */
  heard(stream: StreamGaps, inFlight: number, nowMs: MonotonicMs): void {
    const gap = stream.heard(this.#tokensPerEvent, nowMs);
    if (!gap) return;
    const { tpotMs } = targetsOf(this.#unloaded);
    this.#gaps = withGap(this.#gaps, gap, tpotMs, nowMs);
    const sinceMs = msBetween(this.#sampledAtMs, nowMs);
    if (sinceMs < sampleEveryMs) return;
    this.#sampledAtMs = nowMs;
    // A time without tokens told nothing: it is not made up for.
    const share = Math.min(1, Math.min(sinceMs, 2 * sampleEveryMs) / this.#state.limit.roundTripMs);
    const calls = { share, inFlight, ceiling: this.#ceiling };
    this.#set(afterSample(this.#state.limit, sampleOf(this.#gaps, tpotMs), calls));
  }

  /** A call has ended. Returns whether the pool is to be left alone for a while. */
  ended(outcome: CallOutcome, call: EndedCall): { readonly isShed: boolean } {
    const { startedAtMs, endedAtMs, isQueued } = call;
    if (outcome.became === 'success') {
      this.#succeeded(outcome.generation, call);
      return { isShed: false };
    }
    const limit = afterEnd(this.#state.limit, endedAtMs);
    const isShed = outcome.became === 'capacity' && !(isQueued && this.#isServing(call));
    if (isShed) this.#set(afterShed(limit, startedAtMs, endedAtMs));
    else this.#set(outcome.became === 'capacity' ? afterFullQueue(limit, call.inFlight) : limit);
    return { isShed };
  }

  #succeeded(generation: UncountedGeneration | undefined, call: EndedCall): void {
    const { startedAtMs, endedAtMs, inFlight, isQueued, heardEvents } = call;
    const { limit } = this.#state;
    this.#succeededAtMs = endedAtMs;
    this.#set(afterEnd(limit, endedAtMs, msBetween(startedAtMs, endedAtMs)));
    const calls = { share: 1 / Math.max(1, limit.calls), inFlight, ceiling: this.#ceiling };
    if (isQueued) {
      this.#set(afterQueued(this.#state.limit, calls));
      return;
    }
    const { outputTokens, durationMs } = generation ?? {};
    const isCounted = outputTokens !== undefined && durationMs !== undefined;
    const sample = isCounted ? this.#learn({ outputTokens, durationMs }, call) : uncounted;
    if (heardEvents <= 1) this.#set(afterSample(this.#state.limit, sample, calls));
  }

  /** Whether a call succeeded while this one was under way, or a round trip before its end. */
  #isServing({ startedAtMs, endedAtMs }: EndedCall): boolean {
    const sinceMs = Math.max(msBetween(startedAtMs, endedAtMs), this.#state.limit.roundTripMs);
    return msBetween(this.#succeededAtMs, endedAtMs) <= sinceMs;
  }

  #learn(generation: CallGeneration, { isIdle, endedAtMs, heardEvents }: EndedCall): LoadSample {
    if (heardEvents > 0) {
      const tokens = Math.max(1, generation.outputTokens / heardEvents);
      this.#tokensPerEvent = ewma(this.#tokensPerEvent, tokens, eventWeight);
    }
    // Once the limit has grown, or was cut, what is slow may be our own doing.
    const { calls, isStarting } = this.#state.limit;
    const mayBeSlower = isIdle && isStarting && calls <= fewCalls;
    const { ttftMs, tpotMs } = this.#unloaded;
    if (generation.outputTokens < fewestTokens) {
      this.#unloaded = { ttftMs: nextUnloaded(ttftMs, generation.durationMs, mayBeSlower), tpotMs };
      return sampleOfShort(generation, targetsOf(this.#unloaded));
    }
    const paced = withAnswer(this.#answers, generation, endedAtMs);
    this.#answers = paced.pace;
    this.#unloaded = { ttftMs, tpotMs: nextUnloaded(tpotMs, paced.msPerToken, mayBeSlower) };
    return sampleOfAnswer(paced, targetsOf(this.#unloaded));
  }

  #set(limit: Limit): void {
    this.#state = { ...this.#state, limit };
  }
}

/** What a queue can take does not change with the gate: before one the limit stays, once it has begun. */
function projected(
  { limit, isClosed: wasClosed }: LimitState,
  gate: GateNow,
  ceiling: number,
  nowMs: MonotonicMs,
): LimitState {
  const { inFlight, isClosed, isQueued } = gate;
  if (isQueued) return { limit: startedBeforeQueue(limit, ceiling), isClosed };
  if (isClosed) return { limit, isClosed };
  return { limit: wasClosed ? reopened(limit, inFlight) : afterIdling(limit, inFlight, nowMs), isClosed };
}
