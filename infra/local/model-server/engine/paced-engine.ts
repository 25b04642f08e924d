import type { Engine, Step } from './engine.ts';
import type { EngineRequest, Sequence } from './sequence.ts';

/** Time as an engine sees it; the simulation gives its own. */
export interface Clock {
  /** Milliseconds that only go forward. */
  nowMs(): number;
  /** Runs something later, once; the function that is returned takes it back. */
  after(delayMs: number, run: () => void): () => void;
}

/** How an engine runs in real time. */
export interface Pace<R extends EngineRequest> {
  readonly clock: Clock;
  /** How many times faster than the modelled GPU. */
  readonly speed: number;
  /** Told of each step when it ends. Sequences aborted meanwhile are still in it. */
  readonly onStepEnd: (step: Step<R>, endedAtMs: number) => void;
}

/** Steps that may end in one go before others get their turn. */
const mostStepsAtOnce = 100;

/**
 * An engine in real time. A step begins exactly when the one before ended, however late the timer fired, so that time does not drift;
 * steps shorter than a timer's grain end together.
 */
export class PacedEngine<R extends EngineRequest> {
  readonly #engine: Engine<R>;
  readonly #pace: Pace<R>;
  #step: Step<R> | undefined;
  #stepEndsAtMs = 0;
  #cancel = () => {};

  constructor(engine: Engine<R>, pace: Pace<R>) {
    this.#engine = engine;
    this.#pace = pace;
  }

  /** @throws {RangeError} when the request could never fit the KV cache. */
  add(request: R): Sequence<R> {
    const sequence = this.#engine.add(request);
    if (!this.#step) {
      this.#begin(this.#pace.clock.nowMs());
      this.#wait();
    }
    return sequence;
  }

  abort(sequence: Sequence<R>): void {
    this.#engine.abort(sequence);
  }

  stop(): void {
    this.#cancel();
  }

  #begin(nowMs: number): void {
    this.#step = this.#engine.step(nowMs);
    if (this.#step) this.#stepEndsAtMs = nowMs + this.#step.durationMs / this.#pace.speed;
  }

  #wait(): void {
    if (!this.#step) return;
    const delayMs = Math.max(0, this.#stepEndsAtMs - this.#pace.clock.nowMs());
    this.#cancel = this.#pace.clock.after(delayMs, () => {
      this.#endDueSteps();
      this.#wait();
    });
  }

  #endDueSteps(): void {
    const nowMs = this.#pace.clock.nowMs();
    for (let ended = 0; ended < mostStepsAtOnce && this.#step && this.#stepEndsAtMs <= nowMs; ended++) {
      this.#pace.onStepEnd(this.#step, this.#stepEndsAtMs);
      this.#begin(this.#stepEndsAtMs);
    }
  }
}
