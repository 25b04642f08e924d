import {
  type EngineLimit,
  engineQueue,
  firstEngineLimit,
  limitAfterPromptAnswer,
  limitAfterRefusal,
  nextEngineLimit,
  type PlacesSeen,
} from './engine-limit.ts';
import { type TimedAnswer, UnloadedAnswers } from './unloaded-answers.ts';

/** An answer that takes at most this multiple of what it takes alone met no queue: other steps take the rest. Protocol: as in contract §7. */
const promptOverAlone = 1.5;

/** Of an engine's places, the most that are kept. Derived: where more come before one is free, eviction makes room. */
const mostKept = 1 / 8;
/** Of what an engine was seen to run, what is tried beyond that beside real-time work. Derived: as above. */
const triedShare = 1 / 8;

/** How many requests one engine runs at once, as its pages and answers tell. */
export class EnginePlaces {
  #limit: EngineLimit;
  /** Undefined before the first page. */
  #readAtMs: number | undefined;
  /** The last page told what was there. */
  #pageTells = false;
  readonly #unloaded = new UnloadedAnswers();

  /** @param others what the pool's other engines were seen to run at once */
  constructor(others: readonly number[]) {
    this.#limit = firstEngineLimit(others);
  }

  /** Requests that it runs at once, as far as that is known: a whole number, at least 1. */
  get count(): number {
    return Math.floor(this.#limit.places);
  }

  /** What it was seen to run at once: less than its places while they are not proven. */
  get shown(): number {
    return Math.floor(this.#limit.shown);
  }

  /**
   * The most requests that the engine may hold once it takes a further sheddable one beside real-time work. A number that it was never seen to
   * run is tried with a few requests only.
   * @param kept places for real-time requests that come before one is free
   */
  countBeside(kept: number): number {
    const { shown, proven } = this;
    return proven
      ? this.count - Math.min(kept, Math.floor(shown * mostKept))
      : Math.min(this.count, shown + Math.ceil(shown * triedShare));
  }

  /** The number of requests at which it was seen to queue; infinite where it was not. */
  get provenCount(): number {
    return this.proven ? this.count : Number.POSITIVE_INFINITY;
  }

  /** It was seen to queue at this number. */
  get proven(): boolean {
    return this.#limit.proven;
  }

  /** Requests that may be there at once, those in the engine's own queue included. */
  get withQueue(): number {
    return this.count + engineQueue(this.#limit);
  }

  recordReading(seen: Omit<PlacesSeen, 'sinceMs'>, nowMs: number): void {
    this.#limit = nextEngineLimit(this.#limit, { ...seen, sinceMs: nowMs - (this.#readAtMs ?? nowMs) });
    this.#readAtMs = nowMs;
    this.#pageTells = seen.running + seen.waiting > 0 || seen.own === 0;
  }

  /**
   * An answer that comes as soon as from an engine without other work shows a place. It counts where no page tells: there is none, or it
   * shows nothing while requests of ours are there, as that of an engine whose answers take less than a reading.
   * @param aloneMs what it takes there without other work; undefined where only other answers tell
   */
  recordAnswer(answer: TimedAnswer & { readonly aloneMs: number | undefined }): void {
    const aloneMs = answer.aloneMs ?? this.#unloaded.expectedMs(answer);
    this.#unloaded.record(answer);
    const isPrompt = answer.tookMs <= aloneMs * promptOverAlone;
    if (isPrompt && !this.#pageTells) this.#limit = limitAfterPromptAnswer(this.#limit, answer.load);
  }

  /** It refused a request because it is full. @param load what it holds without that one */
  recordRefusal(load: number): void {
    this.#limit = limitAfterRefusal(this.#limit, load);
  }
}
