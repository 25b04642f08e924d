import type { StepLoad } from './step-load.ts';

/** Prompts that are to be computed. */
export interface Prompts {
  readonly tokens: number;
  /** Of those tokens and the ones that each attends to. */
  readonly pairs: number;
}

/** Nothing to compute. */
export const noPrompts: Prompts = { tokens: 0, pairs: 0 };

/**
 * Prompts without a first token by when they were dispatched. Engines put a step together while the one before it computes, so that what
 * comes during step k is computed in step k + 2.
 */
export interface PendingPrompts {
  /** Before the last step began: the running step computes them. */
  readonly running: Prompts;
  /** While the last step ran: the next one computes them. */
  readonly next: Prompts;
  /** Since the running step began: the one after the next computes them. */
  readonly later: Prompts;
}

/** No prompts in any step. */
export const nothingPending: PendingPrompts = { running: noPrompts, next: noPrompts, later: noPrompts };

/** What a request would meet on an endpoint, as far as the gateway knows: its own work there, and what the last reading tells of others. */
export interface LoadFeatures {
  /** Requests that generate there. */
  readonly decodes: number;
  /** Tokens that those hold in the KV cache. */
  readonly contextTokens: number;
  readonly pending: PendingPrompts;
  /** How long the engine has computed at the prompts of the running step; at the step itself, where it has none. Undefined where no stream shows it. */
  readonly sinceMs: number | undefined;
  /** Prompt tokens of the request itself that are to be computed. */
  readonly uncachedTokens: number;
  /** Those of its prompt that should be in the prefix cache. */
  readonly cachedTokens: number;
  /** Share of the KV cache that is held once the request is there, in [0, 1]; 0 where nothing tells. */
  readonly memoryShare: number;
  /** Of all that, what is sheddable work of our own. */
  readonly sheddable: SheddableLoad;
}

/** Sheddable work of our own on an endpoint. */
export interface SheddableLoad {
  readonly decodes: number;
  readonly contextTokens: number;
  /** Of prompts without a first token, and their pairs. */
  readonly prefillTokens: number;
  readonly prefillPairs: number;
}

/** What is expected of one request on one endpoint. */
export interface Prediction {
  /** False while too few steps were seen: the numbers are of no use. */
  readonly trusted: boolean;
  /** From its dispatch. */
  readonly ttftMs: number;
  /** Nine of ten requests get their first token by then. */
  readonly ttftHighMs: number;
  /** The same without other prompts there. */
  readonly ttftAloneMs: number;
  /** Milliseconds a token. */
  readonly tpotMs: number;
  readonly tpotHighMs: number;
  /** What its prompt takes of an engine's time, and so adds to every request that generates there; of the pool, whatever the endpoint did lately. */
  readonly promptMs: number;
  /** What its step takes longer for computing any prompt, or less; 0 where it computes others anyway. */
  readonly joinMs: number;
  /** What its prompt takes if nothing of it is cached. */
  readonly wholePromptMs: number;
  /** What the request would see on the endpoint without the sheddable work that is there. */
  readonly besideRealtime: { readonly ttftMs: number; readonly tpotMs: number };
  /** What the request would see on an idle engine of the pool. */
  readonly unloaded: { readonly ttftMs: number; readonly tpotMs: number };
}

/**
 * The time from a dispatch to the first token, where steps take `stepMs`:
 *
 *     TTFT = max(0, step(running) − since) + step(next) + step(own + later)
 *
 * On an idle engine it is step(own). Where no stream shows when the running step began, it is taken to be half over, and all that is
 * pending to be before the request.
 */
export function stepsToFirstTokenMs(load: LoadFeatures, own: Prompts, stepMs: (load: StepLoad) => number): number {
  const { decodes, contextTokens, pending, sinceMs } = load;
  const { running, next, later } = pending;
  const stepWith = (promptTokens: number, promptPairs: number): number =>
    stepMs({ decodes, contextTokens, promptTokens, promptPairs });
  const [behindTokens, behindPairs] = [later.tokens + own.tokens, later.pairs + own.pairs];
  const beforeTokens = running.tokens + next.tokens;
  if (decodes === 0 && beforeTokens + later.tokens === 0) return stepWith(own.tokens, own.pairs);
  if (sinceMs === undefined) {
    return 1.5 * stepWith(0, 0) + stepWith(beforeTokens + behindTokens, running.pairs + next.pairs + behindPairs);
  }
  const nextMs = decodes > 0 || next.tokens > 0 ? stepWith(next.tokens, next.pairs) : 0;
  return Math.max(0, stepWith(running.tokens, running.pairs) - sinceMs) + nextMs + stepWith(behindTokens, behindPairs);
}

/**
 * By what to multiply a predicted time per token, as streams show the endpoint at this moment: where tokens take twice as long as the
 * model says of what runs there, they will for a newcomer. From ½ to 2. Derived: what is further off was seen for other work.
 * @param seenTpotMs milliseconds a token, as the gaps between chunks tell; undefined where nothing tells
 * @param modelledTpotMs as the model says for the same moment
 */
export function tpotCorrection(seenTpotMs: number | undefined, modelledTpotMs: number): number {
  return seenTpotMs === undefined || modelledTpotMs <= 0 ? 1 : Math.min(2, Math.max(0.5, seenTpotMs / modelledTpotMs));
}
