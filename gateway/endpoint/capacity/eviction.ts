import type { WorkClass } from '../../work-class.ts';

/** Sheddable work that runs. */
export interface Victim {
  readonly priority: number;
  /** Tokens that would be thrown away: an estimate where the answer is not streamed. */
  progressTokens(nowMs: number): number;
}

/**
 * A request may wait for this share of its TTFT before others are stopped for it. Derived: of a second, the rest must suffice for the stop,
 * a step and the prompt.
 */
const patience = 0.25;

/** When room has to be made, for a request that is still to get its first token in time. */
export function evictionDueAtMs(arrivedAtMs: number, ttftSloMs: number): number {
  return arrivedAtMs + ttftSloMs * patience;
}

/** The one to stop for a request of `priority`: the lowest priority first, then the least progress. */
export function chooseVictim<V extends Victim>(running: Iterable<V>, priority: number, nowMs: number): V | undefined {
  let chosen: V | undefined;
  let leastTokens = Number.POSITIVE_INFINITY;
  for (const each of running) {
    if (each.priority >= priority || (chosen && each.priority > chosen.priority)) continue;
    const tokens = each.progressTokens(nowMs);
    if (chosen && each.priority === chosen.priority && tokens >= leastTokens) continue;
    chosen = each;
    leastTokens = tokens;
  }
  return chosen;
}

/** A request on an engine, as far as its place in the engine's queue goes. */
export interface Queued {
  readonly workClass: WorkClass;
  readonly arrivedAtMs: number;
  readonly slo: { readonly ttftMs: number };
  /** No byte of its answer was seen. */
  readonly isAwaiting: boolean;
}

/**
 * The first real-time request in an engine's queue for which room has to be made by now.
 * @param requests in the order in which they came, which is that in which the engine serves
 * @param waiting how many of them it says to have in its queue
 */
export function stuckInQueue<R extends Queued>(requests: readonly R[], waiting: number, nowMs: number): R | undefined {
  const queued = requests.filter(({ isAwaiting }) => isAwaiting).slice(-waiting);
  return queued.find(({ workClass, arrivedAtMs, slo }) => {
    return workClass === 'realtime' && evictionDueAtMs(arrivedAtMs, slo.ttftMs) <= nowMs;
  });
}
