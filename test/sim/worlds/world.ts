import { ladderOf, type Stage } from './ladder.ts';
import { squareWaveOf } from './square-wave.ts';
import type { TraceName } from './trace.ts';
import { readTrace } from './traces.ts';
import { type WorkloadRequest, workloadOf } from './workload.ts';

/** Real-time traffic: what can be written down of it, so that a job can be sent to another thread. */
export type World =
  /** Requests a second of each recorded trace, of all endpoints together. */
  | { readonly kind: 'traces'; readonly perSecond: Partial<Record<TraceName, number>> }
  | {
      readonly kind: 'ladder';
      readonly stages: readonly Stage[];
      readonly groups: number;
      readonly outputTokens: number;
    }
  | { readonly kind: 'square-wave'; readonly perSecond: number }
  | { readonly kind: 'none' };

/** Requests a second that the recorded traces have themselves. */
const recordedPerSecond = { conversation: 5.53, code: 2.57 };

/** The Azure hour as the compass mix has it: conversation four times over, each copy shifted by minutes, and code once. */
export const compass: World = {
  kind: 'traces',
  perSecond: { conversation: 4 * recordedPerSecond.conversation, code: recordedPerSecond.code },
};

/** The harder mix: code completions three times over beside conversation three times over. */
export const harder: World = {
  kind: 'traces',
  perSecond: { conversation: 3 * recordedPerSecond.conversation, code: 3 * recordedPerSecond.code },
};

/** Its requests in order of arrival. The seed says where traces begin, and draws what is drawn. */
export function requestsOf(world: World, seconds: number, seed: number): readonly WorkloadRequest[] {
  switch (world.kind) {
    case 'traces':
      return Object.entries(world.perSecond)
        .flatMap(([name, perSecond]) => workloadOf(readTrace(name as TraceName), { perSecond, seconds, seed }))
        .sort((a, b) => a.atMs - b.atMs);
    case 'ladder':
      return ladderOf({ ...world, seed });
    case 'square-wave':
      return squareWaveOf({ perSecond: world.perSecond, cycles: Math.ceil(seconds / 180), seed });
    case 'none':
      return [];
  }
}
