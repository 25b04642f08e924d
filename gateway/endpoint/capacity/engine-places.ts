import {
  type EngineLimit,
  engineQueue,
  firstEngineLimit,
  limitAfterPromptAnswer,
  limitAfterRefusal,
  nextEngineLimit,
  type PlacesSeen,
} from './engine-limit.ts';

/** How many requests one engine runs at once, as its pages and answers tell. */
export class EnginePlaces {
  #limit: EngineLimit;
  /** Undefined before the first page. */
  #readAtMs: number | undefined;

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
  }

  /**
   * An answer began as soon as an unloaded engine begins it. Where no page tells of the places, that does.
   * @param load requests of ours that were there when its request came, that one included
   */
  recordPromptAnswer(load: number): void {
    if (this.#readAtMs === undefined) this.#limit = limitAfterPromptAnswer(this.#limit, load);
  }

  /** It refused a request because it is full. @param load what it holds without that one */
  recordRefusal(load: number): void {
    this.#limit = limitAfterRefusal(this.#limit, load);
  }
}
