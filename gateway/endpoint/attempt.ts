import type { Usage } from '../../shared/openai/usage.ts';
import type { ListNode } from '../../shared/runtime/linked-list.ts';
import type { Slo } from '../slo.ts';
import type { WorkClass } from '../work-class.ts';
import { learnFromAnswer } from './answer-lessons.ts';
import type { AttemptListener, AttemptRequest } from './attempt-request.ts';
import type { LimitedRequest, PromptPause } from './capacity/limited-endpoint.ts';
import type { TimedPart } from './capacity/unloaded-answers.ts';
import type { Endpoint } from './endpoint.ts';
import { type AttemptOutcome, type HealthVerdict, verdictOn } from './health/ejection.ts';
import type { CountedRequest } from './in-flight.ts';
import { tpotOf } from './latency/answer-tpot.ts';
import type { SteppedStream } from './latency/engine-steps.ts';
import type { Prediction, Prompts } from './latency/prediction.ts';
import { attentionPairs } from './latency/step-load.ts';
import { type GappedStream, nextGaps, noGaps, type StreamGaps } from './latency/token-gaps.ts';
import type { Placement } from './placement.ts';
import type { PrefixMatch } from './prefix/prefix-index.ts';

const statusTooManyRequests = 429;
/** Milliseconds a token of whole answers where no stream tells the pace: it only ranks victims. Learned with the first stream that ends. */
const usualTpotMs = 20;

type Listener = AttemptListener<Attempt>;

/**
 * One request on one endpoint, from its dispatch to its end. It tells the endpoint's in-flight counts, health, latency model, prefix
 * index and concurrency limiter what happens, and there is no other way to tell them. Times are given by the front that sees the
 * bytes, on the endpoint's clock.
 */
export class Attempt implements CountedRequest, LimitedRequest, GappedStream, SteppedStream {
  readonly endpoint: Endpoint;
  readonly workClass: WorkClass;
  readonly priority: number;
  readonly stream: boolean;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly slo: Slo;
  readonly arrivedAtMs: number;
  readonly openedAtMs: number;
  readonly firstTokenExpectedAtMs: number;
  readonly prompt: Prompts;
  step = -1;
  prefill?: ListNode<CountedRequest>;
  readonly generates: boolean;
  readonly #prediction: Prediction;
  readonly #match: PrefixMatch;
  /** Whole blocks of its prompt. */
  readonly #blocks: number;
  /** The endpoint's requests of ours when it was opened, this one included. */
  readonly #loadWithIt: number;
  /** Requests that had ended there before it was opened. */
  readonly #endedBefore: number;
  readonly #listener: Listener;
  readonly #place: ListNode<LimitedRequest>;
  #isProbe: boolean;
  #pause: PromptPause | undefined;
  #streamNode: ListNode<GappedStream> | undefined;
  #streamGaps: StreamGaps = noGaps;
  #status = 0;
  #firstByteAtMs: number | undefined;
  #lastChunkAtMs = 0;
  #chunks = 0;
  #usage: Usage | undefined;
  #full = false;
  /** Of an end of which the request's other attempt still tells; undefined where nothing is left to be told. */
  #verdict: HealthVerdict | undefined;
  #ended = false;

  /** Takes the place: from here on the request counts on its endpoint, until `end`. */
  static open(placement: Placement, request: AttemptRequest, listener: Listener, nowMs: number): Attempt {
    return new Attempt(placement, request, listener, nowMs);
  }

  private constructor(placement: Placement, request: AttemptRequest, listener: Listener, nowMs: number) {
    const { endpoint, features, prediction, match } = placement;
    this.endpoint = endpoint;
    this.workClass = request.workClass;
    this.priority = request.priority;
    this.stream = request.stream;
    this.promptTokens = request.promptTokens;
    this.cachedTokens = features.cachedTokens;
    this.slo = request.slo;
    this.arrivedAtMs = request.arrivedAtMs;
    this.openedAtMs = nowMs;
    this.firstTokenExpectedAtMs = nowMs + prediction.ttftMs;
    const { uncachedTokens, cachedTokens } = features;
    this.prompt = { tokens: uncachedTokens, pairs: attentionPairs(uncachedTokens, cachedTokens) };
    this.generates = request.generates;
    this.#prediction = prediction;
    this.#match = match;
    this.#blocks = request.promptBlocks.length / 2;
    this.#listener = listener;
    if (endpoint.inFlight === 0) endpoint.latency.steps.beganIdle(nowMs, this.stream);
    endpoint.work.opened(this);
    this.#loadWithIt = endpoint.inFlight;
    this.#endedBefore = endpoint.work.ended;
    endpoint.prefixes.store(request.promptBlocks);
    if (this.workClass === 'sheddable') this.#pause = endpoint.limiter.pauseFor(this);
    this.#place = endpoint.limiter.opened(this);
    this.#isProbe = endpoint.health.sent();
  }

  get firstByteAtMs(): number | undefined {
    return this.#firstByteAtMs;
  }

  get isAwaiting(): boolean {
    return this.#firstByteAtMs === undefined;
  }

  /** Of the answer; 0 before its first byte. */
  get status(): number {
    return this.#status;
  }

  /** The answer is a 2xx. */
  get succeeds(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  /** The endpoint answered that it is full. */
  get full(): boolean {
    return this.#full;
  }

  /** From the request's arrival to the first byte; undefined before that. */
  get ttftMs(): number | undefined {
    return this.#firstByteAtMs === undefined ? undefined : this.#firstByteAtMs - this.arrivedAtMs;
  }

  /** TTFT as it was predicted at the dispatch, from the request's arrival. */
  get predictedTtftMs(): number {
    return this.firstTokenExpectedAtMs - this.arrivedAtMs;
  }

  /** Milliseconds of each token after the first, on the average; undefined where nothing tells. */
  get tpotMs(): number | undefined {
    if (this.#firstByteAtMs === undefined) return undefined;
    return tpotOf({
      stream: this.stream,
      openedAtMs: this.openedAtMs,
      expected: this.#prediction,
      firstByteAtMs: this.#firstByteAtMs,
      lastChunkAtMs: this.#lastChunkAtMs,
      chunks: this.#chunks,
      completionTokens: this.#usage?.completionTokens ?? this.#chunks * this.endpoint.gaps.tokensPerChunk,
    });
  }

  /** What the complete answer said it took, if it did. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  get streamGaps(): StreamGaps {
    return this.#streamGaps;
  }

  get lastChunkAtMs(): number {
    return this.#lastChunkAtMs;
  }

  get furtherTokens(): number {
    return Math.max(0, this.#chunks - 1);
  }

  /** Tokens generated so far: those of a stream are seen, those of others follow from the time and the engine's pace. */
  progressTokens(nowMs: number): number {
    if (this.stream) return Math.round(this.#chunks * this.endpoint.gaps.tokensPerChunk);
    const decodingMs = nowMs - this.firstTokenExpectedAtMs;
    return Math.max(0, Math.floor(decodingMs / (this.endpoint.seenTpotMs ?? usualTpotMs)));
  }

  /**
   * The endpoint declined the request, with an answer that another endpoint may give better: to be told before its first byte.
   * @param full it says that it is full, and not that it failed
   * @param retryAfterSeconds what the answer asks for; 0 or NaN where it asks for nothing
   * @returns whether the answer is not for the client: then this attempt is to be ended as `declined`
   */
  declined(status: number, full: boolean, retryAfterSeconds: number): boolean {
    if (this.#ended || !this.isAwaiting) return false;
    const { health, limiter, inFlight } = this.endpoint;
    this.#status = status;
    this.#full = full;
    if (full) health.recordFull(retryAfterSeconds);
    // A 429 may be for a quota that has nothing to do with places.
    if (full && status !== statusTooManyRequests) limiter.places.recordRefusal(inFlight - 1);
    return this.#listener.declined(this);
  }

  /**
   * The first byte of the answer, or its end where it has no byte.
   * @param retryAfterSeconds what a 429 asks for; 0 or NaN where it asks for nothing
   */
  firstByte(status: number, retryAfterSeconds: number, nowMs: number): void {
    if (this.#ended || this.#firstByteAtMs !== undefined) return;
    const { endpoint } = this;
    endpoint.recordAnswered();
    this.#status = status;
    // What an engine says when it fails, fast or slow, says nothing of its first tokens.
    if (this.succeeds && this.stream) endpoint.latency.firstToken(this, this.#prediction, nowMs);
    endpoint.work.answering(this, nowMs);
    this.#firstByteAtMs = nowMs;
    if (status === statusTooManyRequests && !this.#full) endpoint.health.recordFull(retryAfterSeconds);
    this.#listener.answered(this);
    // A probe that succeeds so far need not end before other requests follow.
    if (status < 300) this.#endProbe('well');
    // What a model only reads is computed with the first token of others.
    if (this.succeeds && (this.stream || !this.generates)) this.#tellPlaces('first byte', 1, nowMs);
  }

  /** A piece of the answer: about one token, of a stream that succeeds. */
  chunk(nowMs: number): void {
    if (this.#ended || !this.stream || !this.succeeds) return;
    const { limiter, work, gaps, latency } = this.endpoint;
    this.#settlePause(nowMs);
    this.#chunks += 1;
    if (this.#streamNode) {
      latency.steps.chunk(this, false, nowMs);
      this.#streamGaps = nextGaps(this.#streamGaps, nowMs - this.#lastChunkAtMs);
      work.generated(this);
    } else {
      this.#streamNode = gaps.add(this);
      const { trusted, ttftAloneMs } = this.#prediction;
      if (trusted) limiter.recordFirstToken(Math.max(0, nowMs - this.openedAtMs - ttftAloneMs));
    }
    this.#lastChunkAtMs = nowMs;
    gaps.recordChunk(nowMs);
    limiter.adjust();
  }

  /** What the answer says it took, before its end. */
  reported(usage: Usage): void {
    if (!this.#ended) this.#usage = usage;
  }

  /** The one way out: the place is free again, and what the attempt showed is learned. Only the first call counts. */
  end(outcome: AttemptOutcome, nowMs: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const { endpoint } = this;
    if (outcome === 'unreachable') endpoint.recordRefused();
    const verdict = verdictOn({ outcome, status: this.#status, full: this.#full });
    this.#endProbe(verdict);
    this.#verdict = verdict;
    const judged = this.#listener.judged(this, outcome, verdict);
    if (judged) this.judge(judged);
    if (outcome === 'complete' && this.succeeds && !this.stream && this.generates) {
      this.#tellPlaces('token', Math.max(1, this.#usage?.completionTokens ?? 1), nowMs);
    }
    endpoint.work.closed(this, nowMs);
    if (this.#streamNode) endpoint.gaps.remove(this.#streamNode);
    this.#settlePause(nowMs);
    endpoint.limiter.closed(this.#place);
    if (outcome === 'complete' && this.succeeds) this.#learn(nowMs);
    this.#listener.attemptEnded(this, outcome, nowMs);
  }

  /** What its end says of its endpoint, where that was left open: once. */
  judge(verdict: HealthVerdict | undefined = this.#verdict): void {
    if (this.#verdict && verdict) this.endpoint.health.recordEnd(verdict);
    this.#verdict = undefined;
  }

  evict(): void {
    this.#listener.evicted(this);
  }

  #endProbe(verdict: ReturnType<typeof verdictOn>): void {
    if (!this.#isProbe) return;
    this.#isProbe = false;
    this.endpoint.health.recordProbe(verdict);
  }

  /** Its first byte has come, or `tokens` tokens of an answer that comes whole. */
  #tellPlaces(part: TimedPart, tokens: number, nowMs: number): void {
    const { latency, limiter, work } = this.endpoint;
    // A stream that began in the place of one that ended tells nothing of a place beside it.
    if (this.stream && work.ended > this.#endedBefore) return;
    const aloneMs = latency.trusted ? latency.aloneMs(this.prompt, tokens) : undefined;
    limiter.places.recordAnswer({ part, tokens, load: this.#loadWithIt, tookMs: nowMs - this.openedAtMs, aloneMs });
  }

  /** Its prompt is computed, or never will be. */
  #settlePause(nowMs: number): void {
    if (this.#pause) this.endpoint.limiter.settle(this.#pause, nowMs - this.openedAtMs);
    this.#pause = undefined;
  }

  #learn(nowMs: number): void {
    const { workClass, slo, stream, ttftMs, tpotMs, prompt } = this;
    const seen = { chunks: this.#chunks, usage: this.#usage, match: this.#match, blocks: this.#blocks };
    const answer = { workClass, slo, stream, ttftMs, tpotMs, prompt, prediction: this.#prediction, ...seen };
    learnFromAnswer(this.endpoint, answer, nowMs);
  }
}
