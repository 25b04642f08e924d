import type { EngineLoad } from '../../gateway/endpoint/engine-load.ts';
import { Engine, type Step } from '../../infra/local/model-server/engine/engine.ts';
import type { Preset } from '../../infra/local/model-server/engine/presets.ts';
import type { EngineRequest, Sequence } from '../../infra/local/model-server/engine/sequence.ts';

import type { VirtualClock } from './virtual-clock.ts';

const blockTokens = 16;

/** What an engine tells of a request that it serves. */
export interface EngineJob extends EngineRequest {
  onToken(generatedTokens: number): void;
  onDone(cachedTokens: number): void;
}

/** One engine that steps on a clock. */
export class SimulatedEngine {
  readonly #clock: VirtualClock;
  readonly #preset: Preset;
  readonly #engine: Engine<EngineJob>;
  #stepping = false;

  constructor(preset: Preset, clock: VirtualClock) {
    this.#clock = clock;
    this.#preset = preset;
    this.#engine = new Engine<EngineJob>({ ...preset, schedulingPolicy: 'fcfs' });
  }

  add(job: EngineJob): Sequence<EngineJob> {
    const sequence = this.#engine.add(job);
    if (!this.#stepping) this.#begin();
    return sequence;
  }

  abort(sequence: Sequence<EngineJob>): void {
    this.#engine.abort(sequence);
  }

  /** As its `/metrics` would tell. */
  load(): EngineLoad {
    const { running, waiting, usedBlocks } = this.#engine.gauges();
    const { blocks } = this.#preset;
    return { running, waiting, kvCacheUtilization: usedBlocks / blocks, kvCacheTokens: blocks * blockTokens };
  }

  #begin(): void {
    const step = this.#engine.step(this.#clock.nowMs());
    this.#stepping = step !== undefined;
    if (step) this.#clock.at(this.#clock.nowMs() + step.durationMs, () => this.#end(step));
  }

  #end(step: Step<EngineJob>): void {
    for (const { request, generatedTokens, state } of step.emitted) {
      if (state !== 'aborted') request.onToken(generatedTokens);
    }
    for (const { request, cachedTokens, state } of step.finished) {
      if (state !== 'aborted') request.onDone(cachedTokens);
    }
    this.#begin();
  }
}
