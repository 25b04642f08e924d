import { LeastSquares } from './least-squares.ts';
import {
  attentionPairs,
  type LoadFeatures,
  nominalTpotWeights,
  nominalTtftWeights,
  type Prediction,
  tpotCorrection,
  tpotFeatures,
  ttftFeatures,
} from './load-features.ts';
import { QuantileEstimate } from './quantile-estimate.ts';

/** Half of what was learned is forgotten after some 1,400 samples; what changes sooner shows in the streams' gaps. */
const forgetting = 0.0005;
/** A first token comes with the second step, on the average: the share of its time that is one step's. */
const perStep = 0.5;
/** Fewer samples prove nothing. */
const samplesToTrust = 10;
/** Mean relative error above which an endpoint is not what the model describes. */
const errorToDistrust = 0.6;
/** The error's memory, in samples. */
const errorSpan = 50;
/** First tokens and tokens of less are told apart from an error of none. */
const ttftScaleMs = 20;
const tpotScaleMs = 5;
/** No engine has its first token sooner. */
const leastTtftMs = 1;

const idle: LoadFeatures = {
  aheadTokens: 0,
  aheadPairs: 0,
  uncachedTokens: 0,
  cachedTokens: 0,
  decodes: 0,
  contextTokens: 0,
  overflowTokens: 0,
};

/** Predicts times from what a request meets on an endpoint, and learns from what became of it: a microsecond each. */
export class LatencyModel {
  readonly #ttft = leastSquares(nominalTtftWeights);
  readonly #tpot = leastSquares(nominalTpotWeights);
  readonly #ttftHigh = new QuantileEstimate(0.9, 1.3);
  readonly #tpotHigh = new QuantileEstimate(0.9, 1.2);
  #samples = 0;
  #error = 0;
  #tpotSamples = 0;
  #lightTpotMs: number | undefined;

  /** First tokens that it has learned from. */
  get samples(): number {
    return this.#samples;
  }

  /** Mean of |predicted − seen| / seen over recent first tokens. */
  get ttftError(): number {
    return this.#error;
  }

  get trusted(): boolean {
    return this.#samples >= samplesToTrust && this.#error < errorToDistrust;
  }

  /** Of a request that is alone there: as the model has it, or, before it was taught, the least that was seen under a light load. */
  get idleTpotMs(): number {
    const modelledMs = this.tpotMs(idle);
    return this.#tpotSamples < samplesToTrust ? Math.max(modelledMs, this.#lightTpotMs ?? 0) : modelledMs;
  }

  /** First token and time per further token of a request that is alone there. */
  alone(uncachedTokens: number, cachedTokens: number): { readonly ttftMs: number; readonly tpotMs: number } {
    return { ttftMs: this.aloneMs(uncachedTokens, cachedTokens, 1), tpotMs: this.idleTpotMs };
  }

  /** Tokens take so long there while it holds few requests. */
  recordLightTpot(tpotMs: number): void {
    this.#lightTpotMs = Math.min(tpotMs, this.#lightTpotMs ?? tpotMs);
  }

  /** Milliseconds a token, as the model has it. */
  tpotMs(load: LoadFeatures): number {
    return this.#tpot.predict(tpotFeatures(load));
  }

  /** What computing so much of prompts takes, beside whatever else runs. */
  prefillMs(tokens: number, pairs: number): number {
    const [, perThousand = 0, perMillionPairs = 0] = this.#ttft.weights;
    return (perThousand * tokens) / 1000 + (perMillionPairs * pairs) / 1e6;
  }

  /** First token of a request that meets the load without the prompts that are ahead of it. */
  ttftAloneMs(load: LoadFeatures): number {
    return this.#ttft.predict(ttftFeatures({ ...load, aheadTokens: 0, aheadPairs: 0, overflowTokens: 0 }));
  }

  /** When so many tokens of an answer should have come, of a request that is alone there; by 1, its first token. */
  aloneMs(uncachedTokens: number, cachedTokens: number, tokens: number): number {
    const ttftMs = this.#ttft.predict(ttftFeatures({ ...idle, uncachedTokens, cachedTokens }));
    return ttftMs + (tokens - 1) * this.idleTpotMs;
  }

  /** @param seenTpotMs what a token takes there now, where streams tell. */
  predict(load: LoadFeatures, seenTpotMs?: number): Prediction {
    const ttftMs = this.#ttft.predict(ttftFeatures(load));
    const { uncachedTokens, cachedTokens } = load;
    const [, perDecode = 0, perContext = 0] = this.#tpot.weights;
    const modelledMs = this.tpotMs(load);
    const ownContextMs = (perContext * (cachedTokens + uncachedTokens)) / 1e5;
    const tpotMs = modelledMs * tpotCorrection(seenTpotMs, modelledMs - ownContextMs);
    return {
      trusted: this.trusted,
      ttftMs,
      ttftHighMs: ttftMs * this.#ttftHigh.value,
      tpotMs,
      tpotHighMs: tpotMs * this.#tpotHigh.value,
      prefillMs: this.prefillMs(uncachedTokens, attentionPairs(uncachedTokens, cachedTokens)),
      joinMs:
        load.aheadTokens > 0
          ? 0
          : (perStep * Math.max(0, this.#ttft.weights[4]! - perContext) * load.contextTokens) / 1e5,
      stepMs: perDecode / 100 + ownContextMs,
    };
  }

  /** @param ttftMs of a request that met the load. */
  learnTtft(load: LoadFeatures, ttftMs: number): void {
    const features = ttftFeatures(load);
    const predictedMs = this.#ttft.predict(features);
    if (!Number.isFinite(predictedMs + ttftMs)) return;
    this.#samples += 1;
    const error = Math.abs(predictedMs - ttftMs) / Math.max(1, ttftMs);
    this.#error += (error - this.#error) / Math.min(this.#samples, errorSpan);
    this.#ttftHigh.learn(ttftMs / Math.max(1, predictedMs));
    this.#ttft.learn(features, ttftMs, ttftScaleMs + ttftMs);
  }

  /** The same as far as an answer that came whole tells it: a part of its time. It is no proof of the model. */
  learnTtftOfWhole(load: LoadFeatures, ttftMs: number): void {
    if (ttftMs >= leastTtftMs) this.#ttft.learn(ttftFeatures(load), ttftMs, ttftScaleMs + ttftMs);
  }

  /** @param load mean of what it met when it came and when it was done. */
  learnTpot(load: LoadFeatures, tpotMs: number): void {
    const features = tpotFeatures(load);
    this.#tpotSamples += 1;
    this.#tpotHigh.learn(tpotMs / Math.max(0.1, this.#tpot.predict(features)));
    this.#tpot.learn(features, tpotMs, tpotScaleMs + tpotMs);
  }
}

function leastSquares(weights: readonly number[]): LeastSquares {
  return new LeastSquares({ weights, deviations: weights.map((weight) => 2 * weight), forgetting });
}
