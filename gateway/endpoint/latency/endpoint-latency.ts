import { EngineSteps, type SteppedStream, type SteppedWork } from './engine-steps.ts';
import {
  type LoadFeatures,
  noPrompts,
  nothingPending,
  type PendingPrompts,
  type Prediction,
  type Prompts,
  stepsToFirstTokenMs,
  tpotCorrection,
} from './prediction.ts';
import { attentionPairs, type StepLoad } from './step-load.ts';
import type { StepModel } from './step-model.ts';

/** The error's memory, in samples. Derived: seconds of a busy endpoint, a minute of a quiet one. */
const errorSpan = 50;
/** Answers after which the model is believed of a request that is alone there. Derived: the error of their mean is then a third of one answer's. */
const answersToTell = 10;

/** What it must know of its endpoint. */
export interface SteppedEndpoint extends SteppedWork {
  readonly nowMs: () => number;
  readonly work: {
    /** Prompts without a first token, by when they were dispatched: until the first instant, between the two, and later. */
    pending(lastStartedAtMs: number, startedAtMs: number): PendingPrompts;
  };
  readonly gaps: {
    /** Milliseconds a token, as streams show it; undefined where nothing tells. */
    tpotMs(nowMs: number): number | undefined;
    readonly tokensPerChunk: number;
    readonly chunkGapMs: number;
  };
}

/** What is to be expected of one endpoint: the pool's step model, and what makes this endpoint differ from it. */
export class EndpointLatency {
  readonly steps: EngineSteps;
  readonly #model: StepModel;
  readonly #endpoint: SteppedEndpoint;
  #samples = 0;
  #error = 0;
  #lightTpotMs: number | undefined;
  /** Answers whose time per token was seen. */
  #answers = 0;

  constructor(model: StepModel, endpoint: SteppedEndpoint) {
    this.#model = model;
    this.#endpoint = endpoint;
    this.steps = new EngineSteps(model, endpoint);
  }

  /** First tokens that were predicted and seen. */
  get samples(): number {
    return this.#samples;
  }

  /** Mean of |predicted − seen| / seen over the last first tokens. */
  get ttftError(): number {
    return this.#error;
  }

  get trusted(): boolean {
    return this.#model.trusted;
  }

  /** Milliseconds a token of a request that is alone there. Until steps or answers tell, no less than was seen under a light load; 0 without any. */
  get idleTpotMs(): number {
    const stepMs = this.trusted ? this.#model.stepMs(stepOf(1, 0)) * this.steps.slownessAlone : 0;
    const modelledMs = stepMs / this.#endpoint.gaps.tokensPerChunk;
    const isKnown = this.trusted && (this.steps.seenAlone || this.#answers >= answersToTell);
    return isKnown ? modelledMs : Math.max(modelledMs, this.#lightTpotMs ?? 0);
  }

  /** First token and time per further token of a request that is alone there. */
  alone(prompt: Prompts): { readonly ttftMs: number; readonly tpotMs: number } {
    return { ttftMs: this.aloneMs(prompt, 1), tpotMs: this.idleTpotMs };
  }

  /** Takes note of a time per token that was seen while the endpoint held few requests; the lowest counts. */
  recordLightTpot(tpotMs: number): void {
    this.#lightTpotMs = Math.min(tpotMs, this.#lightTpotMs ?? tpotMs);
  }

  /** Predicted milliseconds until `tokens` tokens of the answer have come, for a request that is alone there; 1 is the first token. 0 while nothing was learned. */
  aloneMs(own: Prompts, tokens: number): number {
    if (!this.trusted) return 0;
    const ttftMs = this.#model.stepMs(stepOf(0, 0, own)) * this.steps.slownessAlone;
    return ttftMs + this.#model.overheadMs + (tokens - 1) * this.idleTpotMs;
  }

  /** What computing so much of prompts takes here, beside whatever else runs. */
  prefillMs(tokens: number, pairs: number): number {
    return this.#model.ownPromptMs(tokens, pairs) * this.steps.slowness(this.#endpoint.nowMs());
  }

  /** Milliseconds of a step that computes no prompt, with what generates there now. */
  get plainStepMs(): number {
    const { decodes, contextTokens } = this.#endpoint.generating;
    return this.#model.stepMs(stepOf(decodes, contextTokens)) * this.steps.slowness(this.#endpoint.nowMs());
  }

  /**
   * With s, the endpoint's slowness, D requests that generate and C tokens that they hold:
   *
   *     TTFT = time to the first token by s · steps + overhead
   *     TPOT = s · step(D + 1, C + own) · correction by the gaps seen / tokens a chunk
   */
  predict(load: LoadFeatures): Prediction {
    const model = this.#model;
    const { trusted, overheadMs } = model;
    const nowMs = this.#endpoint.nowMs();
    const { uncachedTokens, cachedTokens } = load;
    const own = { tokens: uncachedTokens, pairs: attentionPairs(uncachedTokens, cachedTokens) };
    const slowness = this.#slownessBeside(load, nowMs);
    const stepMs = (step: StepLoad): number => slowness * model.stepMs(step);
    const ttftMs = stepsToFirstTokenMs(load, own, stepMs) + overheadMs;
    const tpotMs = this.#tokenMsBeside(load, slowness, nowMs);
    const ttftAloneMs = stepsToFirstTokenMs({ ...load, pending: nothingPending }, own, stepMs) + overheadMs;
    const wholeTokens = uncachedTokens + cachedTokens;
    const { sheddable } = load;
    const sheddablePromptsMs = slowness * model.promptMs(sheddable.prefillTokens, sheddable.prefillPairs);
    const beside = stepOf(
      load.decodes - sheddable.decodes + 1,
      load.contextTokens - sheddable.contextTokens + wholeTokens,
    );
    return {
      trusted,
      ttftMs,
      ttftHighMs: ttftMs * model.ttftHighFactor,
      ttftAloneMs,
      besideRealtime: {
        ttftMs: Math.max(ttftAloneMs, ttftMs - sheddablePromptsMs),
        tpotMs: stepMs(beside) / this.#endpoint.gaps.tokensPerChunk,
      },
      tpotMs,
      tpotHighMs: tpotMs * model.tpotHighFactor,
      promptMs: model.promptMs(own.tokens, own.pairs),
      joinMs: load.pending.later.tokens > 0 ? 0 : model.joinMs(load.contextTokens),
      wholePromptMs: model.promptMs(wholeTokens, attentionPairs(wholeTokens, 0)),
      unloaded: {
        ttftMs: model.stepMs(stepOf(0, 0, own)) + overheadMs,
        tpotMs: model.stepMs(stepOf(1, wholeTokens)) / this.#endpoint.gaps.tokensPerChunk,
      },
    };
  }

  /** The first token of a stream came, for which this was predicted at its dispatch. */
  firstToken(stream: SteppedStream, prediction: Prediction, nowMs: number): void {
    this.steps.chunk(stream, true, nowMs);
    const seenMs = nowMs - stream.openedAtMs;
    const { trusted, ttftMs } = prediction;
    if (!trusted || !Number.isFinite(ttftMs + seenMs)) return;
    this.#samples += 1;
    const error = Math.abs(ttftMs - seenMs) / Math.max(1, seenMs);
    this.#error += (error - this.#error) / Math.min(this.#samples, errorSpan);
    // The step that ran at its dispatch ended when the second one before the running one began; so long others could still join its step.
    const joined = this.#endpoint.work.pending(stream.openedAtMs, this.steps.secondLastStartedAtMs).next;
    const joinedMs = this.#model.promptMs(joined.tokens, joined.pairs) * this.steps.slowness(nowMs);
    this.#model.learnTtft(ttftMs, seenMs, joinedMs);
  }

  learnTpot({ trusted, tpotMs }: Prediction, seenMs: number): void {
    this.#answers += 1;
    if (trusted) this.#model.learnTpot(tpotMs, seenMs);
  }

  #slownessBeside({ decodes, contextTokens, pending, sinceMs = 0 }: LoadFeatures, nowMs: number): number {
    const runs = decodes + pending.running.tokens > 0;
    return runs
      ? this.steps.slownessWhile(stepOf(decodes, contextTokens, pending.running), sinceMs, nowMs)
      : this.steps.slowness(nowMs);
  }

  #tokenMsBeside(load: LoadFeatures, slowness: number, nowMs: number): number {
    const { decodes, contextTokens, uncachedTokens, cachedTokens } = load;
    const { gaps } = this.#endpoint;
    const perToken = slowness / gaps.tokensPerChunk;
    const nowModelledMs = perToken * this.#model.stepMs(stepOf(Math.max(1, decodes), contextTokens));
    const withOwnMs = this.#model.stepMs(stepOf(decodes + 1, contextTokens + uncachedTokens + cachedTokens));
    return perToken * withOwnMs * tpotCorrection(gaps.tpotMs(nowMs), nowModelledMs);
  }
}

function stepOf(decodes: number, contextTokens: number, { tokens, pairs } = noPrompts): StepLoad {
  return { decodes, contextTokens, promptTokens: tokens, promptPairs: pairs };
}
