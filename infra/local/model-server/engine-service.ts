import type { Engine, Step } from './engine/engine.ts';
import { type Clock, PacedEngine } from './engine/paced-engine.ts';
import type { EngineRequest, Sequence } from './engine/sequence.ts';
import type { FinishedReason, Metrics } from './metrics.ts';

/** A request to the engine, and whom to tell. */
export interface Job extends EngineRequest {
  readonly finishReason: FinishedReason;
  readonly onToken: (sequence: Sequence<Job>) => void;
  readonly onEnd: (sequence: Sequence<Job>) => void;
}

interface Times {
  readonly arrivedAtMs: number;
  lastTokenAtMs: number;
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

  /** @throws {RangeError} when the request could never fit the KV cache. */
  submit(job: Job): Sequence<Job> {
    const arrivedAtMs = this.#clock.nowMs();
    const sequence = this.#paced.add(job);
    this.#times.set(job, { arrivedAtMs, lastTokenAtMs: arrivedAtMs });
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
    for (const sequence of step.emitted) this.#onToken(sequence, atMs);
    for (const sequence of step.finished) this.#onFinished(sequence, atMs);
  }

  #onToken(sequence: Sequence<Job>, atMs: number): void {
    const times = this.#times.get(sequence.request);
    if (!times) return;
    if (sequence.generatedTokens === 1) {
      this.#metrics.ttft.observe((atMs - times.arrivedAtMs) / 1000);
      this.#countPrompt(sequence);
    } else {
      this.#metrics.itl.observe((atMs - times.lastTokenAtMs) / 1000);
    }
    times.lastTokenAtMs = atMs;
    sequence.request.onToken(sequence);
  }

  #onFinished(sequence: Sequence<Job>, atMs: number): void {
    const { request, startedAtMs = atMs } = sequence;
    const times = this.#times.get(request);
    if (!times) return;
    this.#times.delete(request);
    const metrics = this.#metrics;
    if (request.outputTokens === 0) this.#countPrompt(sequence);
    metrics.requestPromptTokens.observe(request.promptTokens);
    metrics.requestGenerationTokens.observe(request.outputTokens);
    metrics.queueTime.observe(Math.max(0, startedAtMs - times.arrivedAtMs) / 1000);
    metrics.e2e.observe((atMs - times.arrivedAtMs) / 1000);
    metrics.finished(request.finishReason);
    request.onEnd(sequence);
  }

  #countPrompt({ request, cachedTokens }: Sequence<Job>): void {
    this.#metrics.promptTokens.inc(request.promptTokens);
    this.#metrics.prefixCacheQueries.inc(request.promptTokens);
    this.#metrics.prefixCacheHits.inc(cachedTokens);
  }
}
