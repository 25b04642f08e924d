import { LinkedList, type ListNode } from '../../shared/runtime/linked-list.ts';
import type { WorkClass } from '../work-class.ts';
import type { PendingPrompts } from './latency/prediction.ts';
import { attentionPairs } from './latency/step-load.ts';

/** What one class of work holds on one endpoint; tokens are estimates. */
export interface Held {
  readonly inFlight: number;
  /** In flight, and no byte of the answer seen. */
  readonly awaitingFirstByte: number;
  /** Prompt tokens of what is in flight. */
  readonly promptTokens: number;
  /** Prompt tokens that wait to be computed, or are being: of requests without a first token, less what is cached. */
  readonly prefillTokens: number;
  /** Pairs of those tokens and the ones that each of them attends to: what the attention of long prompts costs by. */
  readonly prefillPairs: number;
  /** Requests that generate. */
  readonly decodes: number;
  /** Tokens that those hold in the KV cache: their prompts and what they have generated. */
  readonly contextTokens: number;
}

/** Of an endpoint without requests. */
export const nothingHeld: Held = {
  inFlight: 0,
  awaitingFirstByte: 0,
  promptTokens: 0,
  prefillTokens: 0,
  prefillPairs: 0,
  decodes: 0,
  contextTokens: 0,
};

/** A request as it is counted. */
export interface CountedRequest {
  readonly workClass: WorkClass;
  /** Estimated. */
  readonly promptTokens: number;
  /** Of those, expected in the endpoint's prefix cache. */
  readonly cachedTokens: number;
  /** Its first byte is its first token. Any other answer comes whole, after its last one. */
  readonly stream: boolean;
  readonly openedAtMs: number;
  /** When the first token is expected; an answer that comes whole counts as generating from then on. */
  readonly firstTokenExpectedAtMs: number;
  /** Undefined until the first byte was seen. */
  readonly firstByteAtMs: number | undefined;
  /** Of the answer, seen so far, without the first one. */
  readonly furtherTokens: number;
  /** The counts' own note: its place among those that are prefilled, until it generates. */
  prefill?: ListNode<CountedRequest>;
}

type Counts = { -readonly [K in keyof Held]: Held[K] };

/**
 * The gateway's own requests on one endpoint, counted from dispatch to end. Times are those of one clock that never goes back. Counts
 * at an instant follow from the events before it alone: reading them in between, or not, changes nothing.
 */
export class InFlight {
  readonly #nowMs: () => number;
  readonly #counts: Readonly<Record<WorkClass, Counts>> = {
    realtime: { ...nothingHeld },
    sheddable: { ...nothingHeld },
  };
  /** In order of their dispatch, which is the order in which an engine prefills. */
  readonly #prefilling = new LinkedList<CountedRequest>();
  #sentTokens = 0;
  #endedTokens = 0;
  #lastPrefilledAtMs = Number.NEGATIVE_INFINITY;
  /** When an answer that comes whole was last taken to generate. */
  #lastAssumedAtMs = Number.NEGATIVE_INFINITY;
  #ended = 0;
  /** When the next of those whose answers come whole is expected to generate; earlier than that nothing changes by time. */
  #nextExpectedAtMs = Number.POSITIVE_INFINITY;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get realtime(): Held {
    this.#catchUp(this.#nowMs());
    return this.#counts.realtime;
  }

  get sheddable(): Held {
    this.#catchUp(this.#nowMs());
    return this.#counts.sheddable;
  }

  /** Prompt tokens to be computed, of all that was ever sent. */
  get sentTokens(): number {
    return this.#sentTokens;
  }

  /** Prompt tokens to be computed, of what is in flight, until its end. */
  get uncachedTokens(): number {
    return this.#sentTokens - this.#endedTokens;
  }

  get total(): number {
    return this.#counts.realtime.inFlight + this.#counts.sheddable.inFlight;
  }

  /** How many requests have ended there so far. */
  get ended(): number {
    return this.#ended;
  }

  /** How long the engine has computed at the oldest prefill that it holds; 0 when it holds none. */
  get prefillingForMs(): number {
    const nowMs = this.#nowMs();
    this.#catchUp(nowMs);
    const { first } = this.#prefilling;
    return first ? nowMs - Math.max(first.openedAtMs, this.#lastPrefilledAtMs) : 0;
  }

  /**
   * Prompts without a first token, by the step that computes them.
   * @param lastStartedAtMs when the step before the running one began
   * @param startedAtMs when the running one did
   */
  pending(lastStartedAtMs: number, startedAtMs: number): PendingPrompts {
    this.#catchUp(this.#nowMs());
    const { realtime, sheddable } = this.#counts;
    // Numbers that stand alone: sums within objects are allocated anew at each addition.
    let [running, runningPairs, next, nextPairs] = [0, 0, 0, 0];
    // In the order of their dispatch: all that follow the first one of the running step were sent within it.
    for (const request of this.#prefilling) {
      const { openedAtMs } = request;
      if (openedAtMs > startedAtMs) break;
      if (openedAtMs <= lastStartedAtMs) {
        running += uncachedTokens(request);
        runningPairs += pairsOf(request);
      } else {
        next += uncachedTokens(request);
        nextPairs += pairsOf(request);
      }
    }
    return {
      running: { tokens: running, pairs: runningPairs },
      next: { tokens: next, pairs: nextPairs },
      later: {
        tokens: realtime.prefillTokens + sheddable.prefillTokens - running - next,
        pairs: realtime.prefillPairs + sheddable.prefillPairs - runningPairs - nextPairs,
      },
    };
  }

  /** When the oldest prompt without a first token was sent; undefined without any. */
  get oldestPromptAtMs(): number | undefined {
    this.#catchUp(this.#nowMs());
    return this.#prefilling.first?.openedAtMs;
  }

  /** Whether a prompt that was sent before then may have been computed since: it has no first token, or none that was seen. */
  mayHaveComputed(beforeMs: number): boolean {
    const oldestAtMs = this.oldestPromptAtMs;
    return this.#lastAssumedAtMs >= beforeMs || (oldestAtMs !== undefined && oldestAtMs < beforeMs);
  }

  opened(request: CountedRequest): void {
    this.#catchUp(request.openedAtMs);
    const counts = this.#counts[request.workClass];
    counts.inFlight += 1;
    counts.awaitingFirstByte += 1;
    counts.promptTokens += request.promptTokens;
    counts.prefillTokens += uncachedTokens(request);
    counts.prefillPairs += pairsOf(request);
    this.#sentTokens += uncachedTokens(request);
    request.prefill = this.#prefilling.add(request);
    if (!request.stream) this.#nextExpectedAtMs = Math.min(this.#nextExpectedAtMs, request.firstTokenExpectedAtMs);
  }

  /** Once, at the first byte of its answer. */
  answering(request: CountedRequest, nowMs: number): void {
    this.#catchUp(nowMs);
    this.#counts[request.workClass].awaitingFirstByte -= 1;
    if (!isPrefilling(request)) return;
    this.#lastPrefilledAtMs = nowMs;
    this.#generates(request);
  }

  /** One more token of a streamed answer, the first one not included. */
  generated(request: CountedRequest): void {
    this.#counts[request.workClass].contextTokens += 1;
  }

  /** Once, at its end, whatever became of it. */
  closed(request: CountedRequest, nowMs: number): void {
    this.#catchUp(nowMs);
    const counts = this.#counts[request.workClass];
    if (request.firstByteAtMs === undefined) counts.awaitingFirstByte -= 1;
    if (isPrefilling(request)) this.#leavePrefill(request);
    else {
      counts.decodes -= 1;
      counts.contextTokens -= request.promptTokens + request.furtherTokens;
    }
    counts.inFlight -= 1;
    counts.promptTokens -= request.promptTokens;
    this.#endedTokens += uncachedTokens(request);
    this.#ended += 1;
  }

  /** Answers that come whole show no first token: they count as generating once it was expected. */
  #catchUp(nowMs: number): void {
    if (nowMs < this.#nextExpectedAtMs || this.#nextExpectedAtMs === Number.POSITIVE_INFINITY) return;
    this.#nextExpectedAtMs = Number.POSITIVE_INFINITY;
    for (const request of this.#prefilling) {
      if (request.stream) continue;
      if (request.firstTokenExpectedAtMs <= nowMs) {
        this.#lastAssumedAtMs = Math.max(this.#lastAssumedAtMs, request.firstTokenExpectedAtMs);
        this.#generates(request);
      } else this.#nextExpectedAtMs = Math.min(this.#nextExpectedAtMs, request.firstTokenExpectedAtMs);
    }
  }

  #generates(request: CountedRequest): void {
    this.#leavePrefill(request);
    const counts = this.#counts[request.workClass];
    counts.decodes += 1;
    counts.contextTokens += request.promptTokens;
  }

  #leavePrefill(request: CountedRequest): void {
    const counts = this.#counts[request.workClass];
    counts.prefillTokens -= uncachedTokens(request);
    counts.prefillPairs -= pairsOf(request);
    if (request.prefill) this.#prefilling.remove(request.prefill);
  }
}

function isPrefilling({ prefill }: CountedRequest): boolean {
  return prefill?.removed === false;
}

function uncachedTokens({ promptTokens, cachedTokens }: CountedRequest): number {
  return promptTokens - cachedTokens;
}

function pairsOf(request: CountedRequest): number {
  return attentionPairs(uncachedTokens(request), request.cachedTokens);
}
