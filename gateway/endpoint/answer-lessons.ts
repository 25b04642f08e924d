import type { Usage } from '../../shared/openai/usage.ts';
import { keepableSlo, type Slo } from '../slo.ts';
import type { WorkClass } from '../work-class.ts';
import type { Endpoint } from './endpoint.ts';
import type { Prediction, Prompts } from './latency/prediction.ts';
import type { PrefixMatch } from './prefix/prefix-index.ts';

/**
 * Of a stream with fewer tokens the time of each cannot be told: steps end at the same instant for several. Derived: four gaps then stand
 * against one instant that is off.
 */
const fewestStreamedTokens = 5;

/**
 * A whole answer with fewer tokens tells of the prompts beside it more than of what generates there: it counts where no page tells
 * anything. Derived: a prompt that is computed beside it takes as long as some ten of its tokens.
 */
const fewestTellingTokens = 64;

/** A complete answer with a status that succeeds. */
export interface CompleteAnswer {
  readonly workClass: WorkClass;
  readonly slo: Slo;
  readonly stream: boolean;
  /** Of a stream. */
  readonly chunks: number;
  readonly ttftMs: number | undefined;
  readonly tpotMs: number | undefined;
  readonly usage: Usage | undefined;
  /** Of its prompt, what was to be computed. */
  readonly prompt: Prompts;
  /** What was expected of its request when it was sent. */
  readonly prediction: Prediction;
  /** What was expected to be cached of its prompt. */
  readonly match: PrefixMatch;
  /** Whole blocks of its prompt. */
  readonly blocks: number;
}

/** Tells its endpoint what a complete answer says of misses, of the prefix cache, and of the time per token. */
export function learnFromAnswer(endpoint: Endpoint, answer: CompleteAnswer, nowMs: number): void {
  const { limiter, gaps, latency, prefixes } = endpoint;
  const { stream, chunks, ttftMs, tpotMs, usage, prediction, match, blocks } = answer;
  if (answer.workClass === 'realtime') {
    const seen = stream && chunks > 0;
    const slo = keepableSlo(answer.slo, latency.alone(answer.prompt));
    const observed = { ttftMs: seen ? ttftMs : undefined, tpotMs: seen ? tpotMs : undefined };
    limiter.recordLatency(slo, observed, prediction.trusted ? prediction.besideRealtime : undefined);
  }
  const { promptTokens = 0, completionTokens, cachedTokens } = usage ?? {};
  if (promptTokens > 0 && cachedTokens !== undefined) {
    prefixes.correct(match, Math.min(1, cachedTokens / promptTokens) * blocks);
  }
  const tells = (completionTokens ?? 0) >= fewestTellingTokens || !endpoint.reading;
  if (!stream && tpotMs !== undefined && tells) gaps.recordFinished(tpotMs, nowMs);
  if (stream && completionTokens !== undefined) gaps.recordStream(completionTokens, chunks, nowMs);
  limiter.adjust();
  if (tpotMs === undefined || (stream && (completionTokens ?? chunks) < fewestStreamedTokens)) return;
  latency.learnTpot(prediction, tpotMs);
}
