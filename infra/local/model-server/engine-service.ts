import type { Engine, Step } from './engine/engine.ts';
import { type Clock, PacedEngine } from './engine/paced-engine.ts';
import type { EngineRequest, Sequence } from './engine/sequence.ts';
import type { FinishedReason, Metrics } from './metrics/metrics.ts';

/** A request to the engine, and the functions that are told of its tokens. */
export interface Job extends EngineRequest {
  /** When the server had read it, before its front end worked on it. */
  readonly arrivedAtMs: number;
  readonly finishReason: FinishedReason;
  readonly onToken: (sequence: Sequence<Job>) => void;
  readonly onEnd: (sequence: Sequence<Job>) => void;
}

interface Times {
  readonly queuedAtMs: number;
  firstTokenAtMs: number | undefined;
  lastTokenAtMs: number;
  preemptions: number;
}

/** The engine in real time, with everything that happens in it counted. */
export class EngineService {
  readonly #paced: PacedEngine<Job>;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  /** Of every job that has not ended. */
  readonly #times = new Map<Job, Times>();

  constructor(engine: Engine<Job>, metrics: Metrics, clock: Clock, speed: number) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#paced = new PacedEngine(engine, { clock, speed, onStepEnd: (step, atMs) => this.#onStepEnd(step, atMs) });
  }

  /** Jobs that have not ended, running or waiting. */
  get unfinished(): number {
    return this.#times.size;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** @throws {RangeError} when the request could never fit the KV cache. */
  submit(job: Job): Sequence<Job> {
    const queuedAtMs = this.#clock.nowMs();
    const sequence = this.#paced.add(job);
    this.#times.set(job, { queuedAtMs, firstTokenAtMs: undefined, lastTokenAtMs: queuedAtMs, preemptions: 0 });
    return sequence;
  }

  /** Frees a sequence's place and blocks; one that has ended is left alone. */
  abandon(sequence: Sequence<Job>): void {
    if (!this.#times.delete(sequence.request)) return;
    this.#paced.abort(sequence);
    this.#metrics.finished('abort');
  }

  stop(): void {
    this.#paced.stop();
  }

  #onStepEnd(step: Step<Job>, atMs: number): void {
    this.#metrics.preemptions.inc(step.preempted.length);
    this.#metrics.generationTokens.inc(step.emitted.length);
    this.#metrics.iterationTokens.observe(step.tokens);
    for (const { request } of step.preempted) {
      const times = this.#times.get(request);
      if (times) times.preemptions += 1;
    }
    for (const sequence of step.emitted) this.#onToken(sequence, atMs);
    for (const sequence of step.finished) this.#onFinished(sequence, atMs);
  }

  #onToken(sequence: Sequence<Job>, atMs: number): void {
    const times = this.#times.get(sequence.request);
    if (!times) return;
    if (sequence.generatedTokens === 1) {
      times.firstTokenAtMs = atMs;
      this.#metrics.ttft.observe((atMs - sequence.request.arrivedAtMs) / 1000);
      this.#metrics.prefilled(sequence.request.promptTokens, sequence.cachedTokens);
    } else {
      this.#metrics.itl.observe((atMs - times.lastTokenAtMs) / 1000);
    }
    times.lastTokenAtMs = atMs;
    sequence.request.onToken(sequence);
  }

  #onFinished(sequence: Sequence<Job>, atMs: number): void {
    const { request, cachedTokens } = sequence;
    const times = this.#times.get(request);
    if (!times) return;
    this.#times.delete(request);
    if (request.outputTokens === 0) this.#metrics.prefilled(request.promptTokens, cachedTokens);
    this.#observe(sequence, times, atMs);
    this.#metrics.finished(request.finishReason);
    request.onEnd(sequence);
  }

  #observe({ request, cachedTokens, startedAtMs }: Sequence<Job>, times: Times, endedAtMs: number): void {
    const metrics = this.#metrics;
    const { promptTokens, outputTokens } = request;
    const startAtMs = startedAtMs ?? endedAtMs;
    const firstAtMs = times.firstTokenAtMs ?? endedAtMs;
    metrics.requestPromptTokens.observe(promptTokens);
    metrics.requestComputedTokens.observe(promptTokens - cachedTokens);
    metrics.requestGenerationTokens.observe(outputTokens);
    metrics.requestMaxGenerationTokens.observe(outputTokens);
    metrics.requestAnswers.observe(1);
    metrics.requestPreemptions.observe(times.preemptions);
    metrics.queueTime.observe(Math.max(0, startAtMs - times.queuedAtMs) / 1000);
    metrics.inferenceTime.observe((endedAtMs - startAtMs) / 1000);
    metrics.prefillTime.observe((firstAtMs - startAtMs) / 1000);
    metrics.decodeTime.observe((endedAtMs - firstAtMs) / 1000);
    metrics.tpot.observe(outputTokens > 1 ? (endedAtMs - firstAtMs) / 1000 / (outputTokens - 1) : 0);
    metrics.e2e.observe((endedAtMs - request.arrivedAtMs) / 1000);
  }
}
