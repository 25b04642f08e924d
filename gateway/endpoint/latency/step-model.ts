import { Moments, nonNegativeWeights } from './moments.ts';
import { QuantileEstimate } from './quantile-estimate.ts';
import { type StepLoad, stepTerms, termIndex, weighted } from './step-load.ts';

/** Derived from the formula below. */
const terms = 7;
/**
 * Steps of each kind after which one counts for 1/e: a busy pool sees this many in some ten seconds, and changes of an endpoint show sooner
 * in its slowness. Measured: row "memory of steps" of `npm run sim -- sensitivity`.
 */
const span = 4000;
/** Fewer steps of either kind prove nothing: more than the model has terms. Measured: row "steps to trust" of `npm run sim -- sensitivity`. */
const stepsToTrust = 16;
/**
 * A step that took less of what steps usually take of what was expected was not measured well. Errors are relative: one of a hundredth would
 * count like ten thousand others. Derived: it counts like four hundred at the most, a tenth of what is remembered.
 */
const leastShare = 0.05;
/**
 * Before anything is known, a step that is shorter than this share of the median of those without prompts was none: chunks came in a burst.
 * Derived: an engine's plain steps differ by less.
 */
const leastFirstShare = 0.25;
/**
 * A step with prompts that takes so much longer than one without shows that they cost something. Derived: prompt tokens that are computed
 * while the weights are read cost up to a quarter of it.
 */
const mostFreeShare = 0.25;
/** Of each kind, where the other one is long in coming. Derived: far more than are needed. */
const mostFirstSteps = 500;
/**
 * The overhead of a request begins as the median over this number of first tokens. A front end takes from one millisecond to hundreds, and
 * single steps of a hundredth would need hundreds of answers to get there. Derived: the median of 32 samples is off by a tenth of their spread.
 */
const firstOverheads = 32;
/** Samples between two computations of the weights. Derived: solving costs as much as taking in some ten samples. */
const samplesPerSolution = 16;

/** One of the first steps, that are judged by each other. */
interface FirstStep {
  readonly load: StepLoad;
  readonly ms: number;
}

interface FirstSteps {
  readonly plain: FirstStep[];
  readonly mixed: FirstStep[];
}

/**
 * How long a step takes on the engines of one pool:
 *
 *     step(D, C, X) = a₀ + a₁·D + a₂·C + [X > 0] · max(0, a₃·X + a₄·pairs(X) + a₅·C − a₆)        in ms
 *
 * with D requests that generate, C tokens that they hold, and X prompt tokens, the first of which cost nothing. One for the pool, since
 * engines that are equal must not differ by chance; what makes one slower than the others is a factor of its own. Steps with and without
 * prompts are remembered apart, so that an hour without one kind does not make it forgotten.
 */
export class StepModel {
  readonly #plain = new Moments(terms, span);
  readonly #mixed = new Moments(terms, span);
  // Learned: where the others begin is of no weight after some fifty answers.
  readonly #usualRatio = new QuantileEstimate(0.5, 1);
  readonly #overheadMs = new QuantileEstimate(0.5, 1, firstOverheads);
  readonly #ttftHigh = new QuantileEstimate(0.9, 1.3);
  readonly #tpotHigh = new QuantileEstimate(0.9, 1.2);
  /** Until both kinds were seen. */
  #first: FirstSteps | undefined = { plain: [], mixed: [] };
  #weights: readonly number[] = new Array<number>(terms).fill(0);
  #steps = 0;

  /** Both kinds of steps were seen. */
  get trusted(): boolean {
    return this.#first === undefined;
  }

  /** Milliseconds a step; 0 while nothing was learned. */
  stepMs(load: StepLoad): number {
    return weighted(this.#weights, load);
  }

  /** What computing so much of prompts takes of an engine's time, in a step that computes others anyway. */
  promptMs(tokens: number, pairs: number): number {
    return this.#weights[termIndex.promptTokens]! * tokens + this.#weights[termIndex.promptPairs]! * pairs;
  }

  /** What a step without other prompts takes longer for these, less what the first tokens cost nothing. */
  ownPromptMs(tokens: number, pairs: number): number {
    return Math.max(0, this.promptMs(tokens, pairs) - this.#weights[termIndex.freePromptTokens]!);
  }

  /**
   * What a step takes longer for computing any prompt at all, beside decodes with this context. Below zero where the prompt tokens that
   * cost nothing are worth more: a step of its own then takes less than a place in another one.
   */
  joinMs(contextTokens: number): number {
    const { contextBesidePrompts, freePromptTokens } = termIndex;
    return this.#weights[contextBesidePrompts]! * contextTokens - this.#weights[freePromptTokens]!;
  }

  /** What a request takes beside its steps: the median of what its first token came later than they explain, those that joined included. */
  get overheadMs(): number {
    return this.#overheadMs.value;
  }

  /** By what to multiply a TTFT as predicted, so that nine of ten have it by then. */
  get ttftHighFactor(): number {
    return this.#ttftHigh.value;
  }

  /** The same of the time per token. */
  get tpotHighFactor(): number {
    return this.#tpotHigh.value;
  }

  /**
   * @param ms that a step with this load took
   * @param slowness of its endpoint: what makes it differ from the others is not the model's to learn
   */
  learnStep(load: StepLoad, ms: number, slowness: number): void {
    if (this.#first) {
      this.#learnFirst(this.#first, { load, ms });
      return;
    }
    const modelledMs = this.stepMs(load);
    if (modelledMs > 0) this.#usualRatio.learn(ms / modelledMs);
    const usualRatio = this.#usualRatio.value;
    if (ms < leastShare * Math.min(1, usualRatio) * modelledMs) return;
    const usualMs = (ms * usualRatio) / slowness;
    if (this.#isFree(load, usualMs)) return;
    this.#add(load, usualMs);
    if (this.#steps % samplesPerSolution === 0) this.#solve();
  }

  /** Its prompts cost nothing, as they should: of what longer ones cost they tell nothing, and a straight line through both fits neither. */
  #isFree(load: StepLoad, ms: number): boolean {
    if (load.promptTokens <= 0) return false;
    const plainMs = this.stepMs({ ...load, promptTokens: 0, promptPairs: 0 });
    return this.stepMs(load) <= plainMs && ms < (1 + mostFreeShare) * plainMs;
  }

  #learnFirst(first: FirstSteps, step: FirstStep): void {
    const kind = step.load.promptTokens > 0 ? first.mixed : first.plain;
    kind.push(step);
    if (kind.length > mostFirstSteps) kind.shift();
    if (first.plain.length < stepsToTrust || first.mixed.length < stepsToTrust) return;
    this.#first = undefined;
    const plainMs = first.plain.map(({ ms }) => ms).sort((a, b) => a - b);
    const leastMs = leastFirstShare * (plainMs[Math.floor(plainMs.length / 2)] ?? 0);
    for (const { load, ms } of [...first.plain, ...first.mixed]) if (ms >= leastMs) this.#add(load, ms);
    this.#solve();
  }

  #add(load: StepLoad, ms: number): void {
    const kind = load.promptTokens > 0 ? this.#mixed : this.#plain;
    kind.add(stepTerms(load), ms);
    this.#steps += 1;
  }

  #solve(): void {
    this.#weights = nonNegativeWeights([this.#plain, this.#mixed]);
  }

  /**
   * @param predictedMs a TTFT from its dispatch, overhead included
   * @param joinedMs what prompts took of it that were sent later and computed in the same step: no prediction can know of them
   */
  learnTtft(predictedMs: number, seenMs: number, joinedMs: number): void {
    const stepsMs = predictedMs - this.overheadMs;
    this.#overheadMs.learn(seenMs - joinedMs - stepsMs);
    this.#ttftHigh.learn(seenMs / Math.max(1, predictedMs));
  }

  learnTpot(predictedMs: number, seenMs: number): void {
    if (predictedMs > 0) this.#tpotHigh.learn(seenMs / predictedMs);
  }
}
