import type { Placement, RoutingRequest } from '../../gateway/choose/chooser.ts';
import type { Stay } from '../../gateway/endpoint/stay.ts';
import { queueingCostOf } from '../../gateway/queue/queueing-cost.ts';
import type { QueueItem } from '../../gateway/queue/request-queue.ts';
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

/** It found no room in time, or was stopped for others after so many tokens. */
export type NotServed = { readonly outcome: 'late' } | { readonly outcome: 'evicted'; readonly tokens: number };

export interface RequestOptions {
  readonly work: WorkloadRequest;
  /** Below 0 it is sheddable. */
  readonly priority: number;
  readonly stream: boolean;
  readonly slo?: ServiceLevels | undefined;
}

/** One request from its arrival to its end: what an exchange does, without a network. */
export class SimulatedRequest implements QueueItem, EngineJob {
  readonly request: RoutingRequest;
  readonly terms: QueueItem['terms'];
  readonly tenant = '';
  readonly queueKey = 'm';
  readonly priority: number;
  readonly #work: WorkloadRequest;
  readonly #gateway: SimulatedGateway;
  readonly #onEnd: (end: Served | NotServed) => void;
  #placement: Placement | undefined;
  #stay: Stay | undefined;
  #sequence: Sequence<EngineJob> | undefined;
  #firstAtMs = 0;
  #tokens = 0;

  constructor(options: RequestOptions, gateway: SimulatedGateway, onEnd: (end: Served | NotServed) => void) {
    const { work, priority, stream, slo } = options;
    const { promptTokens, promptBlocks } = work;
    const promised = { promptTokens, ttftSloMs: slo?.ttftMs, tpotSloMs: slo?.tpotMs };
    const workClass = priority < 0 ? 'sheddable' : 'realtime';
    this.request = { id: '', workClass, model: 'm', stream, promptBlocks, ...promised };
    const unlimited = { maxOutputTokens: undefined, sizeBytes: 0, missBudget: undefined };
    this.terms = queueingCostOf({ ...unlimited, ...promised }, gateway.clock.nowMs());
    this.priority = priority;
    this.#work = work;
    this.#gateway = gateway;
    this.#onEnd = onEnd;
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
    this.#gateway.waitingRoom.enter(this);
  }

  start(placement: Placement): void {
    this.#placement = placement;
    this.#stay = placement.endpoint.intake.open(this, placement.entry);
    this.#sequence = this.#gateway.engineOf(placement.endpoint.url).add(this);
  }

  displace(): void {
    this.#onEnd({ outcome: 'late' });
  }

  waitedTooLong(): void {
    this.#onEnd({ outcome: 'late' });
  }

  evict(): void {
    this.#gateway.engineOf(this.#placement!.endpoint.url).abort(this.#sequence!);
    this.#leave();
    this.#onEnd({ outcome: 'evicted', tokens: this.#tokens });
  }

  onToken(generatedTokens: number): void {
    this.#tokens = generatedTokens;
    if (generatedTokens === 1) this.#firstAtMs = this.#gateway.clock.nowMs();
    if (!this.request.stream) return;
    if (generatedTokens === 1) this.#placement!.entry.sawFirstByte(true);
    else this.#placement!.entry.sawChunk();
    this.#stay!.sawChunk();
  }

  onDone(cachedTokens: number): void {
    const { promptTokens, outputTokens } = this;
    const { entry } = this.#placement!;
    const nowMs = this.#gateway.clock.nowMs();
    if (!this.request.stream) entry.sawFirstByte(true);
    this.#leave();
    this.#stay!.served(outputTokens);
    entry.report({ promptTokens, completionTokens: outputTokens, cachedTokens });
    this.#onEnd({
      outcome: 'served',
      promptTokens,
      outputTokens,
      cachedTokens,
      ttftMs: this.#firstAtMs - this.terms.arrivedAtMs,
      predictedTtftMs: entry.request.firstTokenExpectedAtMs - this.terms.arrivedAtMs,
      tpotMs: (nowMs - this.#firstAtMs) / Math.max(1, outputTokens - 1),
    });
    this.#gateway.waitingRoom.pump();
  }

  #leave(): void {
    this.#placement!.entry.close();
    this.#stay!.end();
  }
}
