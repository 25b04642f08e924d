import type { Prompts } from './prediction.ts';
import { nextSlowness, type Slowness, slownessAt, slownessWhileRunning, usualSlowness } from './slowness.ts';
import type { StepLoad } from './step-load.ts';
import type { StepModel } from './step-model.ts';
import type { StreamGaps } from './token-gaps.ts';

/** The endpoint's own work, as its steps are made of it. */
export interface SteppedWork {
  /** Requests that generate, and what they hold, others' included. */
  readonly generating: Pick<StepLoad, 'decodes' | 'contextTokens'>;
  /** Whether a prompt that was dispatched before then may have been computed since: it has no first token, or none that a stream shows. */
  mayHaveComputed(beforeMs: number): boolean;
  readonly gaps: {
    /** Milliseconds between two chunks of the streams that run there; 0 while none shows it. */
    readonly chunkGapMs: number;
  };
}

/** A stream, as steps are seen by it. */
export interface SteppedStream {
  readonly openedAtMs: number;
  /** Of its prompt, what was to be computed. */
  readonly prompt: Prompts;
  /** Between its chunks before this one. */
  readonly streamGaps: StreamGaps;
  /** The step at whose end its last chunk came; the steps' own note. */
  step: number;
}

/** A step that has ended; what came with its end is still coming in. */
interface EndedStep {
  readonly durationMs: number;
  readonly decodes: number;
  readonly contextTokens: number;
  promptTokens: number;
  promptPairs: number;
  /** Prompts that were sent before then may have been computed in the step before. */
  readonly wholeFromMs: number;
  /** Prompts that were sent before then and have no first token may have been computed in part. */
  readonly partlyBeforeMs: number;
  /** Not what it seems: it teaches nothing. */
  spoiled: boolean;
  /** One stream had a chunk at its beginning and one at its end, or it was begun by a stream alone. */
  isSeen: boolean;
}

/**
 * A chunk within this share of a step without prompts belongs to the last step's end, though its stream had one already: connections deliver
 * in bursts. Derived: no step is so short. One that is taken for a step teaches the model, by the squares of relative errors, that steps take
 * no time, and then all that comes is taken for steps.
 */
const sameEndShare = 0.25;
/** A stream's first chunk that comes so much later than the last step's end belongs to another one. Derived: halfway to the next end. */
const otherEndShare = 0.5;
/** Gaps of a stream whose mean tells how long steps take. Derived: a burst is two or three chunks. */
const gapsToTell = 4;
/** Derived: the slowness of a request alone has then gone more than nine tenths of its way. */
const stepsToTell = 40;
/** Steps in a row, of which a stream saw beginning and end, after which one teaches. Derived: when it, and the two before it, began tells which prompts it computed. */
const stepsInARow = 3;

/**
 * The steps of one engine, as the chunks of its streams show them: each stream gets one at the end of a step, so that a step has ended
 * when a stream gets its next one. Each step teaches the pool's model, and how slow this engine is against it.
 */
export class EngineSteps {
  readonly #model: StepModel;
  readonly #work: SteppedWork;
  #number = 0;
  /** When the running step began, the one before it, and the one before that. */
  #startedAtMs = 0;
  #lastStartedAtMs = 0;
  #secondLastStartedAtMs = 0;
  #ended: EndedStep | undefined;
  #slowness: Slowness = usualSlowness;
  #slownessAlone: Slowness = usualSlowness;
  #stepsAlone = 0;
  /** The running step was begun by a stream alone. */
  #isBegunByStream = false;
  #seenInARow = 0;
  /** Between chunks of streams, as it was seen last; 0 before any. */
  #chunkGapMs = 0;

  constructor(model: StepModel, work: SteppedWork) {
    this.#model = model;
    this.#work = work;
  }

  /** When the running step began. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** When the step before the running one began. */
  get lastStartedAtMs(): number {
    return this.#lastStartedAtMs;
  }

  /** When the step before that one began. */
  get secondLastStartedAtMs(): number {
    return this.#secondLastStartedAtMs;
  }

  /** Against the pool's model; above 1 is slower. */
  slowness(nowMs: number): number {
    return slownessAt(this.#slowness, nowMs);
  }

  /** The same of steps in which one request generated alone: what load makes slower is not in it, and no time makes it forgotten. */
  get slownessAlone(): number {
    return this.#slownessAlone.value;
  }

  /** So many steps of a request alone were seen that they tell. */
  get seenAlone(): boolean {
    return this.#stepsAlone >= stepsToTell;
  }

  /** As `slowness`, where the running step has this load: one that is overdue counts before it is over. */
  slownessWhile(running: StepLoad, sinceMs: number, nowMs: number): number {
    const modelledMs = this.#model.stepMs(running);
    return slownessWhileRunning(this.#slowness, modelledMs > 0 ? sinceMs / modelledMs : 0, nowMs);
  }

  /**
   * A request comes to an engine that has none: its step begins at once.
   * @param isStream whether it shows where its steps end
   */
  beganIdle(nowMs: number, isStream = true): void {
    this.#learn();
    this.#isBegunByStream = isStream;
    this.#seenInARow = isStream ? stepsInARow : 0;
    this.#number += 1;
    this.#startedAtMs = nowMs;
    this.#lastStartedAtMs = nowMs;
    this.#secondLastStartedAtMs = nowMs;
  }

  /** A stream's chunk came; to be told before the stream counts as generating. */
  chunk(stream: SteppedStream, isFirst: boolean, nowMs: number): void {
    if (this.#endsStep(stream, nowMs)) this.#end(nowMs);
    if (!isFirst && stream.step === this.#number - 1 && this.#ended) this.#ended.isSeen = true;
    stream.step = this.#number;
    const ended = this.#ended;
    if (!isFirst || !ended) return;
    ended.promptTokens += stream.prompt.tokens;
    ended.promptPairs += stream.prompt.pairs;
    if (stream.openedAtMs < ended.wholeFromMs) ended.spoiled = true;
  }

  #endsStep({ step, streamGaps }: SteppedStream, nowMs: number): boolean {
    const sinceMs = nowMs - this.#startedAtMs;
    if (sinceMs <= 0) return false;
    const { generating } = this.#work;
    if (generating.decodes === 0) return true;
    const { trusted } = this.#model;
    // Until the model tells, steps are taken to be as long as streams show.
    if (!trusted) this.#chunkGapMs = this.#work.gaps.chunkGapMs || this.#chunkGapMs;
    const usualMs = trusted ? this.#plainMs(generating) : this.#chunkGapMs;
    if (step !== this.#number) {
      // Where no stream saw a step begin or end there is none that it could belong to.
      if (!this.#ended && !this.#isBegunByStream) return true;
      return usualMs > 0 && sinceMs > otherEndShare * usualMs;
    }
    const ownMs = ownStepMs(streamGaps, usualMs, trusted);
    // Of a stream's first gap nothing tells: a server may send the event that begins it and its first token as two chunks.
    return ownMs > 0 && sinceMs > sameEndShare * ownMs;
  }

  #plainMs(generating: SteppedWork['generating']): number {
    return this.#model.stepMs({ ...generating, promptTokens: 0, promptPairs: 0 });
  }

  #end(nowMs: number): void {
    this.#learn();
    const { decodes, contextTokens } = this.#work.generating;
    this.#ended = {
      durationMs: nowMs - this.#startedAtMs,
      decodes,
      contextTokens,
      promptTokens: 0,
      promptPairs: 0,
      wholeFromMs: this.#secondLastStartedAtMs,
      partlyBeforeMs: this.#lastStartedAtMs,
      spoiled: false,
      isSeen: this.#isBegunByStream,
    };
    this.#isBegunByStream = false;
    this.#number += 1;
    this.#secondLastStartedAtMs = this.#lastStartedAtMs;
    this.#lastStartedAtMs = this.#startedAtMs;
    this.#startedAtMs = nowMs;
  }

  /** From the step that ended last, now that all which came with its end is here. */
  #learn(): void {
    const step = this.#ended;
    this.#ended = undefined;
    if (!step) return;
    // Steps between two that are seen make the beginnings of those before them another's.
    this.#seenInARow = step.isSeen ? this.#seenInARow + 1 : 0;
    if (this.#seenInARow < stepsInARow || step.spoiled || step.decodes + step.promptTokens === 0) return;
    if (this.#work.mayHaveComputed(step.partlyBeforeMs)) return;
    // A step without decodes was begun by its prompt: the request's overhead is in it.
    const ms = step.decodes > 0 ? step.durationMs : step.durationMs - this.#model.overheadMs;
    if (ms <= 0) return;
    const modelledMs = this.#model.stepMs(step);
    // Of a prompt neither the tokens nor what was cached is known exactly: only steps without one tell how slow the engine is.
    if (this.#model.trusted && modelledMs > 0 && step.promptTokens === 0) {
      const ratio = ms / modelledMs;
      this.#slowness = nextSlowness(this.#slowness, ratio, this.#startedAtMs);
      // By its own time, so that nothing of it fades.
      if (step.decodes === 1) {
        this.#slownessAlone = nextSlowness(this.#slownessAlone, ratio, this.#slownessAlone.atMs);
        this.#stepsAlone += 1;
      }
    }
    this.#model.learnStep(step, ms, this.slowness(this.#startedAtMs));
  }
}

/** How long steps take by one stream, where they usually take `usualMs`. Gaps are no shorter than plain steps, with prompts they are longer. */
function ownStepMs({ gaps, meanMs }: StreamGaps, usualMs: number, trusted: boolean): number {
  if (!trusted) return Math.max(meanMs, usualMs);
  // A model that says longer began with steps that were none.
  return usualMs > 0 && (gaps < gapsToTell || usualMs < meanMs) ? usualMs : meanMs;
}
