import type { Attempt } from '../../gateway/endpoint/attempt.ts';
import type { Refusal } from '../../gateway/refusal.ts';
import type { RoutingRequest } from '../../gateway/request.ts';
import type { Front } from '../../gateway/routed-request.ts';
import { workClassOf } from '../../gateway/work-class.ts';
import type { Sequence } from '../../infra/local/model-server/engine/sequence.ts';
import type { EngineJob } from './simulated-engine.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';
import type { WorkloadRequest } from './workload.ts';

export interface ServiceLevels {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** What the client saw of a request, and what it cost. */
export interface Served {
  readonly outcome: 'served';
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Of the prompt, found in the prefix cache. */
  readonly cachedTokens: number;
  readonly ttftMs: number;
  readonly predictedTtftMs: number;
  readonly tpotMs: number;
}

/** It was refused, or was stopped for others after so many tokens. */
export type NotServed = { readonly outcome: 'refused' } | { readonly outcome: 'evicted'; readonly tokens: number };

export interface RequestOptions {
  readonly work: WorkloadRequest;
  /** Below 0 it is sheddable. */
  readonly priority: number;
  readonly stream: boolean;
  readonly slo?: ServiceLevels | undefined;
}

/** A front before simulated engines: one request, whose bytes are tokens. */
export class SimulatedRequest implements Front, EngineJob {
  readonly #request: RoutingRequest;
  readonly #work: WorkloadRequest;
  readonly #gateway: SimulatedGateway;
  readonly #onEnd: (end: Served | NotServed) => void;
  #attempt: Attempt | undefined;
  #sequence: Sequence<EngineJob> | undefined;
  #arrivedAtMs = 0;
  #firstAtMs = 0;
  #tokens = 0;

  constructor(options: RequestOptions, gateway: SimulatedGateway, onEnd: (end: Served | NotServed) => void) {
    const { work, priority, stream, slo } = options;
    this.#request = {
      id: '',
      model: 'm',
      tenant: '',
      priority,
      workClass: workClassOf(priority),
      stream,
      promptTokens: work.promptTokens,
      promptBlocks: work.promptBlocks,
      maxOutputTokens: undefined,
      sizeBytes: 0,
      ttftSloMs: slo?.ttftMs,
      tpotSloMs: slo?.tpotMs,
      missBudget: undefined,
    };
    this.#work = work;
    this.#gateway = gateway;
    this.#onEnd = onEnd;
  }

  get priority(): number {
    return this.#request.priority;
  }

  get promptTokens(): number {
    return this.#work.promptTokens;
  }

  get outputTokens(): number {
    return this.#work.outputTokens;
  }

  get blockHashes(): readonly number[] {
    return this.#work.blockHashes;
  }

  begin(): void {
    this.#arrivedAtMs = this.#gateway.clock.nowMs();
    this.#gateway.router.submit(this.#request, this);
  }

  dispatch(attempt: Attempt): void {
    this.#attempt = attempt;
    this.#sequence = this.#gateway.engineOf(attempt.endpoint.url).add(this);
  }

  stop({ code }: Refusal): void {
    if (this.#attempt && this.#sequence) this.#gateway.engineOf(this.#attempt.endpoint.url).abort(this.#sequence);
    this.#onEnd(code === 'evicted' ? { outcome: 'evicted', tokens: this.#tokens } : { outcome: 'refused' });
  }

  onToken(generatedTokens: number): void {
    const nowMs = this.#gateway.clock.nowMs();
    this.#tokens = generatedTokens;
    if (generatedTokens === 1) this.#firstAtMs = nowMs;
    if (!this.#request.stream) return;
    if (generatedTokens === 1) this.#attempt!.firstByte(200, 0, nowMs);
    this.#attempt!.chunk(nowMs);
  }

  onDone(cachedTokens: number): void {
    const { promptTokens, outputTokens } = this;
    const attempt = this.#attempt!;
    const nowMs = this.#gateway.clock.nowMs();
    if (!this.#request.stream) attempt.firstByte(200, 0, nowMs);
    attempt.reported({ promptTokens, completionTokens: outputTokens, cachedTokens });
    attempt.end('complete', nowMs);
    this.#onEnd({
      outcome: 'served',
      promptTokens,
      outputTokens,
      cachedTokens,
      ttftMs: this.#firstAtMs - this.#arrivedAtMs,
      predictedTtftMs: attempt.predictedTtftMs,
      tpotMs: (nowMs - this.#firstAtMs) / Math.max(1, outputTokens - 1),
    });
  }
}
