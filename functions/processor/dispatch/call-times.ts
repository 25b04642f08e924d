import { LRUCache } from 'lru-cache';
import type { MonotonicMs } from '../../../shared/runtime/clock.ts';
import { Durations } from './durations.ts';

/** Which calls are like each other. */
export interface CallKind {
  readonly path: string;
  /** Of the answer, as the request limits it; undefined where it does not. */
  readonly maxOutputTokens: number | undefined;
  /** Empty when the message names none. */
  readonly job: string;
}

/** How long a message's call took that ended in a 2xx. */
export interface CallTime {
  /** From the push to the start of the call. */
  readonly waitMs: number;
  /** Of the call: the gateway's queue and the answer. */
  readonly inferenceMs: number;
}

/** What 95 % of recent messages of a kind needed at most. */
export interface UsualTimes {
  /** From the push to the end of the call. */
  readonly tookMs: number;
  /** Of the call alone. */
  readonly inferenceMs: number;
}

interface KnownTimes {
  /** From push to end, of calls with the usual objective. */
  readonly took: Durations;
  /** Of all calls. */
  readonly inference: Durations;
  usual: UsualTimes | undefined;
  fastestMs: number;
}

/** Producers name jobs and limits, so the kinds have to be bounded. Derived: 512 of two histograms take some 4 MB. */
const maxKinds = 512;
/** No message is given up by fewer. Protocol: contract §13. */
const leastToGiveUp = 100;
/** With as many of its own, a job is told apart from others like it. Derived: a twentieth of them is one, the share that `usualShare` leaves out. */
const leastOfJob = 20;
/** Protocol: contract §13, escalation. */
const usualShare = 0.95;
/** Protocol: contract §13, what is unreachable. */
const fastestShare = 0.01;

/**
 * What calls of one pool took lately, by path and class of output cap: the power of two below it. Messages of one job are alike, and
 * have figures of their own once enough of them are known.
 */
export class CallTimes {
  readonly #kinds = new LRUCache<string, KnownTimes>({ max: maxKinds });

  /** @param isUsual it had the objective of all others: an escalated call tells nothing about their pace */
  record(kind: CallKind, { waitMs, inferenceMs }: CallTime, isUsual: boolean, nowMs: MonotonicMs): void {
    for (const key of keysOf(kind)) {
      const known = this.#kinds.get(key) ?? {
        took: new Durations(),
        inference: new Durations(),
        usual: undefined,
        fastestMs: 0,
      };
      this.#kinds.set(key, known);
      known.inference.record(inferenceMs, nowMs);
      known.fastestMs = known.inference.quantile(fastestShare)!.leastMs;
      if (isUsual) known.took.record(waitMs + inferenceMs, nowMs);
      const took = known.took.quantile(usualShare);
      if (took) known.usual = { tookMs: took.mostMs, inferenceMs: known.inference.quantile(usualShare)!.mostMs };
    }
  }

  /** The milliseconds below which hardly a hundredth of recent calls like it stayed; undefined where fewer than 100 are known. */
  fastestMs(kind: CallKind, nowMs: MonotonicMs): number | undefined {
    const known = this.#kinds.peek(classOf(kind));
    return known && known.inference.known(nowMs) >= leastToGiveUp ? known.fastestMs : undefined;
  }

  /** What 95 % of messages like it took, as far as is known: of its job, else of its path and class; undefined before the first. */
  usual(kind: CallKind, nowMs: MonotonicMs): UsualTimes | undefined {
    const ofJob = kind.job === '' ? undefined : this.#kinds.peek(jobOf(kind));
    if (ofJob && ofJob.took.known(nowMs) >= leastOfJob) return ofJob.usual;
    return this.#kinds.peek(classOf(kind))?.usual;
  }
}

function keysOf(kind: CallKind): string[] {
  return kind.job === '' ? [classOf(kind)] : [classOf(kind), jobOf(kind)];
}

function classOf({ path, maxOutputTokens }: CallKind): string {
  return `${path} ${maxOutputTokens === undefined ? '' : Math.floor(Math.log2(maxOutputTokens))}`;
}

function jobOf(kind: CallKind): string {
  return `${classOf(kind)} ${kind.job}`;
}
