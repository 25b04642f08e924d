import type { Attempt } from '../../../gateway/endpoint/attempt.ts';
import { type Refusal, refusal } from '../../../gateway/refusal.ts';
import type { RoutingRequest } from '../../../gateway/request.ts';
import type { Front, RoutedRequest } from '../../../gateway/routed-request.ts';
import type { Router } from '../../../gateway/router.ts';
import { workClassOf } from '../../../gateway/work-class.ts';
import type { Sequence } from '../../../infra/local/model-server/engine/sequence.ts';
import { apiRoutes } from '../../../shared/openai/api-routes.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { WorkloadRequest } from '../worlds/workload.ts';
import type { EngineJob, SimulatedEngine } from './simulated-engine.ts';

const model = 'm';

export interface ServiceLevels {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** What the client saw of an answer, and what it cost. Times in milliseconds from the arrival. */
export interface Served {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Of the prompt, found in the prefix cache. */
  readonly cachedTokens: number;
  readonly ttftMs: number;
  readonly predictedTtftMs: number;
  /** Mean time of each token after the first; 0 where there is but one. */
  readonly tpotMs: number;
}

/** One request as a client sends it. */
export interface ClientCall {
  readonly work: Omit<WorkloadRequest, 'atMs'>;
  /** Below 0 it is sheddable. */
  readonly priority: number;
  readonly stream: boolean;
  /** Its answer reports no usage. */
  readonly withoutUsage?: boolean;
  /** It asks for an embedding, and not for tokens. */
  readonly embeds?: boolean;
  readonly slo?: ServiceLevels | undefined;
  /** To its deadline, as its TTFT header says; absent where it says nothing. */
  readonly leftMs?: number;
  readonly tenant?: string;
  /** A token of a stream has come. */
  readonly onToken?: (() => void) | undefined;
  readonly onServed: (served: Served) => void;
  /** @param generatedTokens thrown away, where it was stopped for others */
  readonly onRefused: (refusal: Refusal, generatedTokens: number) => void;
}

/** Requests on engines. */
export interface UnderWay {
  realtime: number;
  async: number;
}

/** What stands behind a client's request. */
export interface SimulatedPool {
  /** Kept by the requests themselves. */
  readonly underWay: UnderWay;
  readonly clock: VirtualClock;
  readonly router: Router;
  engineOf(url: string): SimulatedEngine;
}

/** A front whose bytes are tokens: one request before simulated engines. */
export class ClientRequest implements Front, EngineJob {
  /** Engines serve first come, first served. */
  readonly priority = 0;
  readonly #call: ClientCall;
  readonly #gateway: SimulatedPool;
  #routed: RoutedRequest | undefined;
  #attempt: Attempt | undefined;
  #sequence: Sequence<EngineJob> | undefined;
  #arrivedAtMs = 0;
  #firstAtMs = 0;
  #tokens = 0;

  constructor(call: ClientCall, gateway: SimulatedPool) {
    this.#call = call;
    this.#gateway = gateway;
  }

  get promptTokens(): number {
    return this.#call.work.promptTokens;
  }

  get outputTokens(): number {
    return this.#call.work.outputTokens;
  }

  get blockHashes(): readonly number[] {
    return this.#call.work.blockHashes;
  }

  begin(): void {
    this.#arrivedAtMs = this.#gateway.clock.nowMs();
    const { router } = this.#gateway;
    this.#routed = router.submit(requestOf(this.#call, router), this);
  }

  /** The gateway has no room for it. */
  shed(): void {
    this.#call.onRefused(refusal('saturated', 'the pool has no room for this request'), 0);
  }

  /** The client leaves. */
  abort(): void {
    this.#abortEngine();
    this.#routed?.leave();
  }

  dispatch(attempt: Attempt): void {
    this.#attempt = attempt;
    this.#gateway.underWay[this.#kind] += 1;
    this.#sequence = this.#gateway.engineOf(attempt.endpoint.url).add(this);
  }

  stop(reason: Refusal): void {
    this.#abortEngine();
    this.#call.onRefused(reason, this.#tokens);
  }

  onToken(generatedTokens: number): void {
    const nowMs = this.#gateway.clock.nowMs();
    this.#tokens = generatedTokens;
    if (generatedTokens === 1) this.#firstAtMs = nowMs;
    if (!this.#call.stream) return;
    if (generatedTokens === 1) this.#attempt!.firstByte(200, 0, nowMs);
    this.#attempt!.chunk(nowMs);
    this.#call.onToken?.();
  }

  onDone(cachedTokens: number): void {
    const { promptTokens, outputTokens } = this;
    const attempt = this.#attempt!;
    const nowMs = this.#gateway.clock.nowMs();
    this.#gateway.underWay[this.#kind] -= 1;
    if (!this.#call.stream) attempt.firstByte(200, 0, nowMs);
    if (!this.#call.withoutUsage) {
      attempt.reported({ promptTokens, completionTokens: this.#call.embeds ? undefined : outputTokens, cachedTokens });
    }
    attempt.end('complete', nowMs);
    this.#call.onServed({
      promptTokens,
      outputTokens,
      cachedTokens,
      ttftMs: this.#firstAtMs - this.#arrivedAtMs,
      predictedTtftMs: attempt.predictedTtftMs,
      tpotMs: (nowMs - this.#firstAtMs) / Math.max(1, outputTokens - 1),
    });
  }

  get #kind(): keyof UnderWay {
    return this.#call.priority < 0 ? 'async' : 'realtime';
  }

  #abortEngine(): void {
    if (!this.#attempt || !this.#sequence) return;
    this.#gateway.engineOf(this.#attempt.endpoint.url).abort(this.#sequence);
    this.#gateway.underWay[this.#kind] -= 1;
    this.#sequence = undefined;
  }
}

/** As admission would make it of the call's body. */
function requestOf(call: ClientCall, router: Router): RoutingRequest {
  const { work, priority, stream, slo, embeds, leftMs, tenant = '' } = call;
  const route = embeds ? apiRoutes.embeddings : apiRoutes.chatCompletions;
  const promptSize = { textBytes: work.textBytes, attachments: 0 };
  return {
    id: '',
    route,
    model,
    tenant,
    priority,
    workClass: workClassOf(priority),
    stream,
    promptSize,
    answersAsked: 1,
    promptTokens: router.bytesPerToken.estimate(model, route.path, promptSize),
    promptBlocks: work.promptBlocks,
    maxOutputTokens: undefined,
    sizeBytes: work.textBytes,
    leftMs: priority < 0 ? leftMs : undefined,
    ttftSloMs: priority < 0 ? slo?.ttftMs : (slo?.ttftMs ?? leftMs),
    tpotSloMs: slo?.tpotMs,
    missBudget: undefined,
    objective: '',
    queueTtlMs: undefined,
    traceId: undefined,
  };
}
