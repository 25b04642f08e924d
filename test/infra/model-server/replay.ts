import type { Engine } from '../../../infra/local/model-server/engine/engine.ts';
import type { EngineRequest } from '../../../infra/local/model-server/engine/sequence.ts';

export interface Arrival extends EngineRequest {
  readonly atMs: number;
}

export interface Served {
  readonly firstTokenAtMs: number;
  readonly endedAtMs: number;
}

/** Runs arrivals, in order of time, through an engine on a virtual clock. Returns when each got its first and last token. */
export function replay<A extends Arrival>(
  engine: Engine<A>,
  arrivals: readonly A[],
): { served: Map<A, Served>; preemptions: number; steps: number } {
  const served = new Map<A, Served>();
  const firstTokens = new Map<A, number>();
  let [nowMs, next, preemptions, steps] = [0, 0, 0, 0];
  const addUntil = (endMs: number) => {
    while (next < arrivals.length && arrivals[next]!.atMs <= endMs) engine.add(arrivals[next++]!);
  };
  for (;;) {
    const step = engine.step(nowMs);
    if (!step) {
      const upcoming = arrivals[next];
      if (!upcoming) return { served, preemptions, steps };
      nowMs = upcoming.atMs;
      addUntil(nowMs);
      continue;
    }
    const endMs = nowMs + step.durationMs;
    steps++;
    preemptions += step.preempted.length;
    for (const { request, generatedTokens } of step.emitted) {
      if (generatedTokens === 1) firstTokens.set(request, endMs);
    }
    for (const { request } of step.finished) {
      served.set(request, { firstTokenAtMs: firstTokens.get(request) ?? endMs, endedAtMs: endMs });
    }
    addUntil(endMs);
    nowMs = endMs;
  }
}
